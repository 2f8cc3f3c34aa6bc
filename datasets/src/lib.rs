//! Manifests, download and verification of public data sets.
//!
//! A [`Manifest`] says which files make up a data set, where they can be had and which checksums they have.
//! [`find`] looks for them on this computer, [`obtain`] also downloads what is missing, [`download`] fetches into a
//! given folder, [`adopt`] takes what the user already has. [`unpack`] opens archives that may be hostile. This is the
//! only package of the workspace that opens an outgoing connection.
#![forbid(unsafe_code)]

mod adopt;
mod archive;
mod cache;
mod checksum;
mod download;
mod error;
mod file;
mod jpeg;
mod layout;
mod locate;
mod manifest;
mod partial;
mod pins;
mod prepare;
mod progress;
mod staging;
mod transfer;
mod unpack;
mod verify;

pub use adopt::adopt;
pub use archive::Bounds;
pub use cache::Places;
pub use checksum::Checksums;
pub use download::download;
pub use error::{Error, Result};
pub use file::{Alternative, File, Payload};
pub use layout::{Class, Layout, Part};
pub use locate::{DataChoice, Found, Located, Origin, Source, check, find, glance, obtain};
pub use manifest::Manifest;
pub use progress::{Announcement, Progress, Silent};
pub use transfer::{Client, Limits};
pub use unpack::unpack;
pub use verify::{Difference, How, Verified, verify};

/// The weights of mini-VGG, the base that comes with the project: safetensors of f16, for `zoo::mini_vgg` of
/// `convnet-pretrained`. `cargo xtask pretrain` makes them, on one kind of machine always the same bytes.
pub const MINI_VGG: &[u8] = include_bytes!("../weights/mini_vgg.safetensors");

/// Keeps the README's example compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
