//! Bytes on their way to the page: in JSON, as base64.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use convnet_tensor::Tensor;
use serde::{Serialize, Serializer};

/// Bytes.
#[derive(Debug)]
pub(super) struct Bytes64(pub(super) Vec<u8>);

impl Serialize for Bytes64 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

/// The pixels of a picture, rows from the top, channels innermost.
#[derive(Debug, Serialize)]
pub(super) struct Pixels64 {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Bytes64,
}

impl Pixels64 {
    /// Of a picture `[height, width, channels]`.
    pub(super) fn of(picture: &Tensor<u8>) -> Pixels64 {
        let side = |axis: usize| picture.shape().get(axis).copied().unwrap_or(1);
        let pixels = Bytes64(picture.data().to_vec());
        Pixels64 { height: side(0), width: side(1), channels: side(2), pixels }
    }
}
