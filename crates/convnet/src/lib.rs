//! Convolutional networks for pictures on an ordinary computer.
#![forbid(unsafe_code)]
