"""One recipe a file: each writes one sample and says what is true of it. All people, firms and numbers are invented."""
