//! What one transform does, as numbers.

use crate::Hole;
use serde::{Deserialize, Serialize};

/// The parameters of one transform. [`Parameters::default`] changes nothing.
///
/// Geometry is described as Keras' `ImageDataGenerator` does, from the output to the picture: a zoom of 2 shows the picture
/// at half its size, a positive shift moves it to the left or up, a positive rotation turns it counter-clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Degrees about the centre.
    pub rotation: f32,
    /// A fraction of the width.
    pub width_shift: f32,
    /// A fraction of the height.
    pub height_shift: f32,
    /// Radians: about the centre, (x, y) shows (x − sin(shear) · y, cos(shear) · y).
    pub shear: f32,
    /// Factors along x and y.
    pub zoom: [f32; 2],
    /// Left and right exchanged.
    pub horizontal_flip: bool,
    /// Top and bottom exchanged.
    pub vertical_flip: bool,
    /// The part of the picture that is shown; all of it where there is none.
    pub window: Option<Window>,
    /// The factor of every channel.
    pub brightness: f32,
    /// The factor of the distance from mid-grey, 127.5.
    pub contrast: f32,
    /// The factor of the distance from the grey of the same luma; three channels only.
    pub saturation: f32,
    /// Degrees on the circle of colours; three channels only.
    pub hue: f32,
    /// Added to every channel, in units of a byte.
    pub channel_shift: f32,
    /// Standard deviation of the blur, in pixels of the output.
    pub blur: f32,
    /// Standard deviation of the noise, in units of a byte.
    pub noise: f32,
    /// The seed of the noise, that of a hole too.
    pub noise_seed: u64,
    /// A rectangle that is painted over.
    pub hole: Option<Hole>,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            rotation: 0.0,
            width_shift: 0.0,
            height_shift: 0.0,
            shear: 0.0,
            zoom: [1.0; 2],
            horizontal_flip: false,
            vertical_flip: false,
            window: None,
            brightness: 1.0,
            contrast: 1.0,
            saturation: 1.0,
            hue: 0.0,
            channel_shift: 0.0,
            blur: 0.0,
            noise: 0.0,
            noise_seed: 0,
            hole: None,
        }
    }
}

/// A part of a picture, in pixels, measured from the outer edges of its first row and column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The left edge; negative where it lies beyond the picture.
    pub left: f64,
    /// The upper edge; negative where it lies beyond the picture.
    pub top: f64,
    /// Columns of the picture.
    pub width: f64,
    /// Rows of the picture.
    pub height: f64,
    /// Rows and columns that it becomes.
    pub size: [usize; 2],
}
