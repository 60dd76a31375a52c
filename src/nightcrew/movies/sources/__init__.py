"""Where films can be had: searched for, looked into, counted, judged."""
