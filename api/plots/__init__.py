"""The pictures: for each, the data as a pure function, then the drawing."""
