"""Movies and shows: a catalogue that is always current, and the best source of each film."""
