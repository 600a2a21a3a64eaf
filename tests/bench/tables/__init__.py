"""One module per question; each measures, and returns what there is to show."""
