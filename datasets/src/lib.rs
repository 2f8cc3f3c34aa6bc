//! Manifests, download and verification of public data sets.
//!
//! A [`Manifest`] says which files make up a data set, where they can be had and which checksums they have.
//! [`find`] looks for them on this computer, [`obtain`] also downloads what is missing, [`download`] fetches into a
//! given folder. This is the only package of the workspace that opens an outgoing connection.
#![forbid(unsafe_code)]

mod cache;
mod checksum;
mod download;
mod error;
mod locate;
mod manifest;
mod partial;
mod progress;
mod transfer;
mod verify;

pub use cache::Places;
pub use checksum::Checksums;
pub use download::download;
pub use error::{Error, Result};
pub use locate::{DataChoice, Found, Located, Origin, Source, find, obtain};
pub use manifest::{File, Manifest, Payload};
pub use progress::{Announcement, Progress, Silent};
pub use transfer::{Client, Limits};
pub use verify::{OtherContainer, Verified, verify};

/// Keeps the README's example compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
