//! Whole descriptions and whole negotiations.
