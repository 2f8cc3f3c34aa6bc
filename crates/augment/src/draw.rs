//! The parameters of one transform are drawn.

use crate::{Augment, Erasing, Hole, Parameters, ResizedCrop, Transform, Window};
use convnet_tensor::Stream;

impl Augment {
    /// Draws what happens to one picture of this shape (rows, columns, channels). Give every picture of every round its
    /// own stream, `seed.stream(Purpose::Augment, round, picture)`: then neither order nor threads matter.
    ///
    /// The stream always gives the same numbers in the same order: 24 uniform ones for rotation, width shift, height shift, shear,
    /// zoom along x and y, horizontal and vertical flip, area and aspect of the resized crop, left and top of the window,
    /// brightness, contrast, saturation, hue, channel shift, blur, noise, whether something is erased, its area, aspect, left
    /// and top; then 64 bits for the seed of the noise. [`Augment`] says how each is distributed.
    ///
    /// The settings should have passed [`Augment::check`]: others give a useless picture, but never a panic.
    pub fn draw(&self, picture_shape: [usize; 3], stream: &mut Stream) -> Transform {
        let mut plus_minus = |most: f32| stream.between(-most, most);
        let rotation = plus_minus(self.rotation);
        let [width_shift, height_shift] = [self.width_shift, self.height_shift].map(&mut plus_minus);
        let shear = plus_minus(self.shear);
        let [low, high] = self.zoom;
        let zoom = [(); 2].map(|()| stream.between(low, high));
        let [horizontal_flip, vertical_flip] =
            [self.horizontal_flip, self.vertical_flip].map(|flips| (stream.uniform() < 0.5) & flips);
        let window = self.window(picture_shape, [(); 4].map(|()| f64::from(stream.uniform())));
        let mut plus_minus = |most: f32| stream.between(-most, most);
        let [brightness, contrast, saturation] =
            [self.brightness, self.contrast, self.saturation].map(|most| 1.0 + plus_minus(most));
        let [hue, channel_shift] = [self.hue, self.channel_shift].map(plus_minus);
        let [blur, noise] = [self.blur, self.noise].map(|most| stream.between(0.0, most));
        let erased = [(); 5].map(|()| f64::from(stream.uniform()));
        let [rows, columns, _] = self.output_shape(picture_shape);
        let hole = self.erasing.and_then(|erasing| erasing.hole([rows, columns], erased));
        let parameters = Parameters {
            rotation,
            width_shift,
            height_shift,
            shear,
            zoom,
            horizontal_flip,
            vertical_flip,
            window,
            brightness,
            contrast,
            saturation,
            hue,
            channel_shift,
            blur,
            noise,
            noise_seed: stream.bits(),
            hole,
        };
        Transform::new(parameters, picture_shape, self.fill)
    }

    fn window(&self, picture_shape: [usize; 3], [area, aspect, left, top]: [f64; 4]) -> Option<Window> {
        let [rows, columns, _] = self.output_shape(picture_shape);
        let [height, width] = [picture_shape[0], picture_shape[1]].map(|n| n as f64);
        if let Some(ResizedCrop { area: areas, aspect: aspects }) = self.resized_crop {
            let area = between(areas, area);
            // The proportions of the output relative to those of the picture: 1 where it keeps its size.
            let proportions = (columns as f64 * height) / (rows as f64 * width);
            let aspect = ratio(aspects, aspect) * proportions;
            let width_share = (area * aspect).sqrt().min(1.0);
            let height_share = (area / aspect).sqrt().min(1.0);
            return Some(Window {
                left: left * width * (1.0 - width_share),
                top: top * height * (1.0 - height_share),
                width: width * width_share,
                height: height * height_share,
                size: [rows, columns],
            });
        }
        self.crop.map(|size @ [rows, columns]| {
            let start = |share: f64, picture: f64, window: usize| {
                let room = picture - window as f64;
                // As many places as there are whole pixels of room, and one more.
                room.min(0.0) + (share * (room.abs() + 1.0)).floor()
            };
            Window {
                left: start(left, width, columns),
                top: start(top, height, rows),
                width: columns as f64,
                height: rows as f64,
                size,
            }
        })
    }
}

impl Erasing {
    fn hole(&self, output: [usize; 2], [chance, area, aspect, left, top]: [f64; 5]) -> Option<Hole> {
        let [rows, columns] = output;
        if chance >= f64::from(self.probability) || rows == 0 || columns == 0 {
            return None;
        }
        let area = between(self.area, area) * rows as f64 * columns as f64;
        let aspect = ratio(self.aspect, aspect);
        let side = |length: f64, most: usize| (length.round() as usize).clamp(1, most);
        let (height, width) = (side((area * aspect).sqrt(), rows), side((area / aspect).sqrt(), columns));
        let start = |share: f64, room: usize| (share * (room as f64 + 1.0)) as usize;
        Some(Hole {
            left: start(left, columns - width),
            top: start(top, rows - height),
            width,
            height,
            patch: self.patch,
        })
    }
}

fn between([low, high]: [f32; 2], share: f64) -> f64 {
    let (low, high) = (f64::from(low), f64::from(high));
    low + (high - low) * share
}

/// Uniform in its logarithm: half as wide is as likely as twice as wide.
fn ratio([low, high]: [f32; 2], share: f64) -> f64 {
    let (low, high) = (f64::from(low), f64::from(high));
    low * (high / low).powf(share)
}
