//! What a reader does to the picture before the network looks at it: turn, shift, mirror, cover.

use super::refusal::Refusal;
use convnet_augment::{Fill, Parameters, Transform};
use convnet_tensor::Tensor;
use serde::Deserialize;

/// Changes of the picture; without any it is shown as it came.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    /// Degrees clockwise, −180 … 180.
    rotation: f32,
    /// A fraction of the width, −1 … 1.
    right: f32,
    /// A fraction of the height, −1 … 1.
    down: f32,
    /// Left and right exchanged, before everything else.
    mirrored: bool,
    /// A grey square over the changed picture.
    cover: Option<Cover>,
}

/// A grey square; fractions of the picture.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Cover {
    /// Its centre, from the left, 0 … 1.
    x: f32,
    /// Its centre, from the top, 0 … 1.
    y: f32,
    /// Its side as a share of the shorter side of the picture, 0 … 1.
    side: f32,
}

/// The grey that covers.
const GREY: u8 = 127;

impl Change {
    /// The changed picture, of the same shape. Beyond the edge photographs are mirrored, and drawings are black.
    ///
    /// # Errors
    /// A number outside its range.
    pub(super) fn of(&self, picture: &Tensor<u8>) -> Result<Tensor<u8>, Refusal> {
        let inside = |name: &str, number: f32, most: f32| {
            let told = || Refusal::wrong(format!("{name} must lie in −{most} … {most}, but is {number}"));
            (number.abs() <= most).then_some(()).ok_or_else(told)
        };
        inside("rotation", self.rotation, 180.0)?;
        inside("right", self.right, 1.0)?;
        inside("down", self.down, 1.0)?;
        let &[height, width, channels] = &picture.shape()[..] else {
            return Err(Refusal::failed("a picture has three axes"));
        };
        let mut changed = picture.clone();
        if self.rotation != 0.0 || self.right != 0.0 || self.down != 0.0 || self.mirrored {
            let fill = if channels == 1 { Fill::Constant(0.0) } else { Fill::Reflect };
            // The transform counts from the output to the picture, so its signs are those of the way back; and it mirrors last,
            // which turns what goes across once more.
            let across = if self.mirrored { 1.0 } else { -1.0 };
            let parameters = Parameters {
                rotation: across * self.rotation,
                width_shift: across * self.right,
                height_shift: -self.down,
                horizontal_flip: self.mirrored,
                ..Parameters::default()
            };
            changed = Tensor::zeros(picture.shape());
            let transform = Transform::new(parameters, [height, width, channels], fill);
            transform.write_bytes(picture.data(), changed.data_mut());
        }
        if let Some(Cover { x, y, side }) = self.cover {
            for (name, number) in [("x", x), ("y", y), ("side", side)] {
                inside(name, number, 1.0)?;
            }
            let side = side * height.min(width) as f32;
            let range = |centre: f32, pixels: usize| {
                let start = centre * pixels as f32 - side / 2.0;
                // Casts saturate at 0.
                (start.round() as usize).min(pixels)..((start + side).round() as usize).min(pixels)
            };
            let columns = range(x, width);
            for row in range(y, height) {
                let start = row * width;
                let covered = (start + columns.start) * channels..(start + columns.end) * channels;
                changed.data_mut()[covered].fill(GREY);
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Tensor<u8> {
        Tensor::from_vec([2, 4, 1], vec![1, 2, 3, 4, 5, 6, 7, 8]).unwrap()
    }

    fn changed(json: &str) -> Vec<u8> {
        let change: Change = serde_json::from_str(json).unwrap();
        change.of(&picture()).unwrap().data().to_vec()
    }

    #[test]
    fn signs_are_those_that_a_reader_expects() {
        assert_eq!(changed("{}"), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(changed(r#"{"right": 0.25}"#), [0, 1, 2, 3, 0, 5, 6, 7]);
        assert_eq!(changed(r#"{"down": 0.5}"#), [0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(changed(r#"{"mirrored": true}"#), [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(changed(r#"{"mirrored": true, "right": 0.25}"#), [0, 4, 3, 2, 0, 8, 7, 6]);
        assert_eq!(changed(r#"{"rotation": 180}"#), [8, 7, 6, 5, 4, 3, 2, 1]);
        let square = Tensor::from_vec([2, 2, 1], vec![1, 2, 3, 4]).unwrap();
        let change: Change = serde_json::from_str(r#"{"rotation": 90}"#).unwrap();
        assert_eq!(change.of(&square).unwrap().data(), [3, 1, 4, 2], "a quarter clockwise");
        assert_eq!(changed(r#"{"cover": {"x": 1.0, "y": 0.5, "side": 1.0}}"#), [1, 2, 3, 127, 5, 6, 7, 127]);
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        for wrong in
            [r#"{"rotation": 1e30}"#, r#"{"right": -2}"#, r#"{"cover": {"x": 9, "y": 0, "side": 0}}"#]
        {
            let change: Change = serde_json::from_str(wrong).unwrap();
            assert!(change.of(&picture()).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Change>(r#"{"rotations": 1}"#).is_err());
    }
}
