//! Which random changes are made, and how large they may be.

use crate::{Erasing, Fill};
use convnet_tensor::{Error, Result};
use serde::{Deserialize, Serialize};

/// Random changes of training pictures, described by how large each may be. What is not named is not changed.
///
/// ```
/// use convnet_augment::Augment;
/// let text = r#"
///     rotation = 15.0
///     zoom = [0.9, 1.1]
///     horizontal_flip = true
///     fill = "reflect"
/// "#;
/// let augment: Augment = toml::from_str(text)?;
/// augment.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is drawn
///
/// [`Augment::draw`] takes the same random numbers in the same order whatever is switched on, so one change more leaves the
/// others as they were. All are independent and uniform in the range given unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Degrees, 0 … 180: turned by an angle in ± this.
    pub rotation: f32,
    /// A fraction of the width, 0 … 1: shifted by a fraction in ± this.
    pub width_shift: f32,
    /// A fraction of the height, 0 … 1: shifted by a fraction in ± this.
    pub height_shift: f32,
    /// Radians, 0 … 1.5: sheared by an angle in ± this. (Keras took radians when the book was written, degrees since 2017.)
    pub shear: f32,
    /// Lowest and highest factor, 0.1 … 10, drawn for x and y by themselves; above 1 the picture becomes smaller, as in
    /// Keras. Keras' `zoom_range=0.2` is `[0.8, 1.2]`.
    pub zoom: [f32; 2],
    /// Left and right are exchanged in every other picture (probability 0.5).
    pub horizontal_flip: bool,
    /// Top and bottom are exchanged in every other picture (probability 0.5).
    pub vertical_flip: bool,
    /// Rows and columns, 1 … 16,384: a window of this size is cut out at a random place, in whole pixels. A larger one than the
    /// picture has the picture at a random place inside it. With `resized_crop` it is the size to which the window is brought.
    pub crop: Option<[usize; 2]>,
    /// A window of random size is cut out at a random place and brought to the size of the picture, or of `crop`.
    pub resized_crop: Option<ResizedCrop>,
    /// 0 … 1: every channel is multiplied by a factor in 1 ± this (Pillow's and torchvision's brightness).
    pub brightness: f32,
    /// 0 … 1: the distance from mid-grey (127.5) is multiplied by a factor in 1 ± this. (Pillow and torchvision: from the
    /// mean of the picture in grey, which would take a second pass over it.)
    pub contrast: f32,
    /// 0 … 1: the distance from the grey of the same luma (BT.601) is multiplied by a factor in 1 ± this (Pillow's and
    /// torchvision's saturation). Only three channels have a saturation.
    pub saturation: f32,
    /// Degrees, 0 … 180: the colour difference is turned in the plane of U and V by an angle in ± this; luma stays. Only three
    /// channels have a hue.
    pub hue: f32,
    /// 0 … 255: one number in ± this is added to all channels, as Keras' `channel_shift_range`.
    pub channel_shift: f32,
    /// Pixels, 0 … 32: blurred by a Gaussian whose standard deviation lies between 0 and this.
    pub blur: f32,
    /// Units of a byte, 0 … 255: every number gets normal noise by itself, whose standard deviation for this picture lies
    /// between 0 and this.
    pub noise: f32,
    /// A rectangle is painted over: random erasing or cutout.
    pub erasing: Option<Erasing>,
    /// What is shown beyond the picture.
    pub fill: Fill,
}

/// The window of a random resized crop (Szegedy and others, 2015; torchvision's `RandomResizedCrop`).
///
/// Both sides are at most the picture's, so that long windows of a large area are cut to it. A window that is larger than
/// what it becomes is not smoothed first: keep it below twice that, or resize the pictures before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResizedCrop {
    /// The window's share of the picture's area, lowest and highest, above 0 … 1.
    pub area: [f32; 2],
    /// The window's width divided by its height, lowest and highest, 0.01 … 100, relative to the proportions that the window
    /// becomes: at 1 nothing is squashed. The logarithm is uniform.
    pub aspect: [f32; 2],
}

impl Default for ResizedCrop {
    /// Torchvision's: 0.08 … 1 of the area, 3/4 … 4/3.
    fn default() -> ResizedCrop {
        ResizedCrop { area: [0.08, 1.0], aspect: [3.0 / 4.0, 4.0 / 3.0] }
    }
}

impl Default for Augment {
    fn default() -> Augment {
        Augment {
            rotation: 0.0,
            width_shift: 0.0,
            height_shift: 0.0,
            shear: 0.0,
            zoom: [1.0; 2],
            horizontal_flip: false,
            vertical_flip: false,
            crop: None,
            resized_crop: None,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            channel_shift: 0.0,
            blur: 0.0,
            noise: 0.0,
            erasing: None,
            fill: Fill::Nearest,
        }
    }
}

/// The largest crop: its f32 picture of three channels takes 3 GiB.
const LARGEST: usize = 16_384;

impl Augment {
    /// No change at all: every picture is what [`Pixels::write`](convnet_tensor::Pixels::write) makes of it.
    pub fn none() -> Augment {
        Augment::default()
    }

    /// What section 5.2.5 of the chapter does: rotation 40°, shifts 0.2, shear 0.2 rad, zoom 0.2, horizontal flip.
    pub fn chapter5() -> Augment {
        Augment {
            rotation: 40.0,
            width_shift: 0.2,
            height_shift: 0.2,
            shear: 0.2,
            zoom: [0.8, 1.2],
            horizontal_flip: true,
            ..Augment::none()
        }
    }

    /// Small changes that photographs of most things bear: rotation 10°, shifts 0.05, zoom 0.1, horizontal flip, brightness
    /// and contrast 0.1.
    pub fn light() -> Augment {
        Augment {
            rotation: 10.0,
            width_shift: 0.05,
            height_shift: 0.05,
            zoom: [0.9, 1.1],
            horizontal_flip: true,
            brightness: 0.1,
            contrast: 0.1,
            ..Augment::none()
        }
    }

    /// Whether pictures stay as they are.
    pub fn is_none(&self) -> bool {
        Augment { fill: Fill::Nearest, ..*self } == Augment::none()
    }

    /// The shape of what becomes of a picture of this shape: rows, columns, channels.
    pub fn output_shape(&self, picture_shape: [usize; 3]) -> [usize; 3] {
        let [height, width, channels] = picture_shape;
        let [rows, columns] = self.crop.unwrap_or([height, width]);
        [rows, columns, channels]
    }

    /// Whether every setting lies in its range.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting's name, its range and what it is.
    pub fn check(&self) -> Result<()> {
        let ResizedCrop { area, aspect } = self.resized_crop.unwrap_or_default();
        let erasing = self.erasing.unwrap_or_default();
        let fill = if let Fill::Constant(value) = self.fill { value } else { 0.0 };
        most("rotation", "0 … 180 degrees", self.rotation, 180.0)?;
        most("width_shift", "a fraction of 0 … 1", self.width_shift, 1.0)?;
        most("height_shift", "a fraction of 0 … 1", self.height_shift, 1.0)?;
        most("shear", "0 … 1.5 radians", self.shear, 1.5)?;
        range("zoom", "a lowest and a highest factor, 0.1 … 10", self.zoom, 0.1, 10.0)?;
        range("resized_crop.area", FRACTIONS, area, f32::MIN_POSITIVE, 1.0)?;
        range("resized_crop.aspect", RATIOS, aspect, 0.01, 100.0)?;
        most("brightness", "0 … 1", self.brightness, 1.0)?;
        most("contrast", "0 … 1", self.contrast, 1.0)?;
        most("saturation", "0 … 1", self.saturation, 1.0)?;
        most("hue", "0 … 180 degrees", self.hue, 180.0)?;
        most("channel_shift", "0 … 255", self.channel_shift, 255.0)?;
        most("blur", "0 … 32 pixels", self.blur, 32.0)?;
        most("noise", "0 … 255", self.noise, 255.0)?;
        most("erasing.probability", "0 … 1", erasing.probability, 1.0)?;
        range("erasing.area", FRACTIONS, erasing.area, f32::MIN_POSITIVE, 1.0)?;
        range("erasing.aspect", RATIOS, erasing.aspect, 0.01, 100.0)?;
        most("fill", "a constant of 0 … 255", fill, 255.0)?;
        match self.crop {
            Some(sides) if !sides.iter().all(|side| (1..=LARGEST).contains(side)) => {
                let expected = "rows and columns of 1 … 16384 pixels";
                Err(Error::Argument { name: "crop", expected, found: format!("{sides:?}") })
            }
            _ => Ok(()),
        }
    }
}

const FRACTIONS: &str = "a lowest and a highest fraction, above 0 … 1";
const RATIOS: &str = "a lowest and a highest ratio, 0.01 … 100";

fn most(name: &'static str, expected: &'static str, value: f32, most: f32) -> Result<()> {
    match (0.0..=most).contains(&value) {
        true => Ok(()),
        false => Err(Error::Argument { name, expected, found: value.to_string() }),
    }
}

fn range(name: &'static str, expected: &'static str, range: [f32; 2], least: f32, most: f32) -> Result<()> {
    let [low, high] = range;
    match least <= low && low <= high && high <= most {
        true => Ok(()),
        false => Err(Error::Argument { name, expected, found: format!("{range:?}") }),
    }
}
