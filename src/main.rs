//! Eventloom.

fn main() {}
