"""Which of many files, if any, is the recording that is wanted. Pure: no input, no output, no clock.

`decide` is the door. `words` folds texts, `versions` knows the words that make another recording, `titles` and `paths` read titles
and the names of files, `artists` compares credits, `judge` holds one file against what is wanted.
"""
