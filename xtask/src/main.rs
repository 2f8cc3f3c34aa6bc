//! Runs every experiment of the chapter.
#![forbid(unsafe_code)]

fn main() {}
