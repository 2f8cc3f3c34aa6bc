//! Arithmetic on slices for convolutional networks: fast loops and their plain-loop twins.
