//! Manifests, download and verification of public data sets.
#![forbid(unsafe_code)]
