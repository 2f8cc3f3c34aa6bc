//! One transform: every change that a picture goes through, with its numbers drawn.

use crate::matrix::{self, Matrix};
use crate::numbers::Numbers;
use crate::{Fill, Parameters, blur, colour, noise};
use convnet_cpu::warp::{self, Warp};
use convnet_tensor::{Pixels, Tensor};

/// What happens to one picture: [`Augment::draw`](crate::Augment::draw) draws it, [`Transform::new`] takes given numbers.
///
/// ```
/// use convnet_augment::{Fill, Parameters, Transform};
/// let quarter_turn = Parameters { rotation: 90.0, ..Parameters::default() };
/// let transform = Transform::new(quarter_turn, [2, 2, 1], Fill::Nearest);
/// let mut turned = [0; 4];
/// transform.write_bytes(&[1, 2, 3, 4], &mut turned);
/// assert_eq!(turned, [2, 4, 1, 3]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    parameters: Parameters,
    picture: [usize; 3],
    output: [usize; 2],
    matrix: Matrix,
    fill: Fill,
}

impl Transform {
    /// The transform with these parameters for pictures of this shape: rows, columns, channels.
    ///
    /// Parameters out of all bounds give a useless picture, never a panic.
    pub fn new(parameters: Parameters, picture_shape: [usize; 3], fill: Fill) -> Transform {
        let [height, width, _] = picture_shape;
        let output = parameters.window.map_or([height, width], |window| window.size);
        let matrix = matrix::of(&parameters, output);
        Transform { parameters, picture: picture_shape, output, matrix, fill }
    }

    /// The numbers that were drawn.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// All changes of geometry in one: pixel (x, y) of the output shows the place
    /// `(m[0][0] · x + m[0][1] · y + m[0][2], m[1][0] · x + m[1][1] · y + m[1][2])` of the picture. Whole numbers are the centres of
    /// pixels, x counts columns. It is the matrix of OpenCV's `warpAffine` with `WARP_INVERSE_MAP`.
    pub fn matrix(&self) -> [[f64; 3]; 2] {
        self.matrix
    }

    /// The shape that this transform takes: rows, columns, channels.
    pub fn picture_shape(&self) -> [usize; 3] {
        self.picture
    }

    /// The shape that it writes: rows, columns, channels.
    pub fn output_shape(&self) -> [usize; 3] {
        let [rows, columns] = self.output;
        [rows, columns, self.picture[2]]
    }

    pub(crate) fn fill(&self) -> Fill {
        self.fill
    }

    /// Writes the changed picture into its slot of a batch, in the range of numbers that the model expects.
    ///
    /// Geometry, colours and range are one pass over the pixels; blur, noise and the erased rectangle, in this order, work
    /// on the slot afterwards and only where they are wanted.
    ///
    /// # Panics
    /// When a length does not fit the transform's shapes, or [`Pixels::check`] refuses the number of channels.
    pub fn write(&self, picture: &[u8], pixels: Pixels, to: &mut [f32]) {
        self.render(picture, &Numbers::of_pixels(pixels, self.picture[2]), to);
    }

    /// Writes the changed picture as bytes, to be looked at.
    ///
    /// # Panics
    /// When a length does not fit the transform's shapes.
    pub fn write_bytes(&self, picture: &[u8], to: &mut [u8]) {
        let mut numbers = Tensor::<f32>::recycled(self.output_shape());
        self.render(picture, &Numbers::bytes(self.picture[2]), numbers.data_mut());
        assert_eq!(to.len(), numbers.size(), "length of the output");
        to.iter_mut().zip(numbers.data()).for_each(|(to, number)| *to = number.round() as u8);
    }

    fn render(&self, picture: &[u8], numbers: &Numbers, to: &mut [f32]) {
        let shape @ [_, _, channels] = self.output_shape();
        let warp = Warp {
            picture: self.picture,
            output: self.output,
            matrix: self.matrix,
            fill: self.fill.of_sweep(),
            colour: colour::of(&self.parameters, channels),
            range: numbers.range,
        };
        warp::bilinear(&warp, picture, to);
        if to.is_empty() {
            return;
        }
        let Parameters { blur, noise, noise_seed, hole, .. } = self.parameters;
        if blur > 0.0 {
            blur::blur(shape, blur, to);
        }
        if noise > 0.0 {
            noise::add(noise, noise_seed, channels, numbers, to);
        }
        if let Some(hole) = hole {
            hole.paint(shape, noise_seed, numbers, to);
        }
    }
}
