//! The convolution operation shown (chapter 5.1.1): kernels and response maps, one window looked at closely, borders,
//! padding, strides and shapes. Every number is the library's own.

mod borders;
mod closeup;
mod draw;
mod kernels;
mod map;
mod network;
mod responses;
mod shapes;
mod sizes;
pub(super) mod table;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use convnet_data::Dataset;
use convnet_layers::Conv2D;

use borders::Scene;
use closeup::CloseUp;
use map::Map;

/// A picture that explains, with its file name.
pub(crate) struct Figure {
    /// The file's name, ending in `.svg`.
    pub(crate) name: &'static str,
    /// What to see in it, in one sentence.
    pub(crate) caption: String,
    /// The file.
    pub(crate) bytes: Vec<u8>,
}

/// The figures in the order in which to read them, and the numbers behind them.
pub(crate) struct Shown {
    /// The figures.
    pub(crate) figures: Vec<Figure>,
    /// Names and values.
    pub(crate) metrics: BTreeMap<String, f64>,
}

const VALID: Scene = Scene {
    title: "A 3 × 3 window has nine places in a 5 × 5 picture",
    layer: || Conv2D::new(1, 3),
    shown: &[0, 1, 2],
};

const SAME: Scene = Scene {
    title: "Padding same: a ring of zeros makes room for 25 places",
    layer: || Conv2D::new(1, 3).same(),
    shown: &[0, 2, 4],
};

const STRIDE: Scene =
    Scene { title: "Stride 2: every second place", layer: || Conv2D::new(1, 3).strides(2), shown: &[0, 1] };

/// The figure that shows no picture.
pub(super) const SHAPES: &str = "convolution_shapes.svg";

/// The class of the digit that is shown where the set has one: a 4 has strokes in each direction.
const DIGIT: u32 = 4;

/// All figures, drawn with the first 4 among `pictures` (28×28×1), or the first picture if there is none.
///
/// # Errors
/// When the pictures are not digits, or what the library computes is not what the figures claim.
pub(crate) fn figures(pictures: &Dataset) -> Result<Shown> {
    let shape = pictures.picture_shape();
    ensure!(
        !pictures.is_empty() && shape[..] == [28, 28, 1],
        "the convolution is shown on digits of 28×28×1, but the set has {} pictures of {shape}",
        pictures.len()
    );
    let number = pictures.labels().iter().position(|&label| label == DIGIT).unwrap_or(0);
    let digit = Map::from_pixels(28, 28, pictures.picture(number)?.data());
    let close_up = CloseUp::of(&digit)?;
    let (row, column) = close_up.place;
    let [odd, even] = [5, 6].map(|size| digit.crop((row + 1, column + 1), size));
    let cases = shapes::cases()?;
    let network = network::rows(&super::digits::convnet(), &digit)?;
    let widest = network.iter().filter_map(|row| row.sees).map(|field| field.size).max();

    let metrics = [
        ("sum_of_nine_products", close_up.sum),
        ("response_of_the_library", f64::from(close_up.response)),
        ("shapes_checked", cases.len() as f64),
        ("receptive_field", widest.context("the digits network has no convolution")? as f64),
    ];
    let figure = |name: &'static str, caption: &str, svg: String| Figure {
        name,
        caption: caption.to_owned(),
        bytes: svg.into_bytes(),
    };
    Ok(Shown {
        figures: vec![
            figure(
                "convolution_kernels.svg",
                "Each kernel answers to one pattern: its response map is strong (red or blue) where the digit has the \
                 pattern and near zero (white) elsewhere.",
                responses::figure(&digit)?,
            ),
            figure(
                "convolution_window.svg",
                "One number of a response map is nothing but nine products added up; the sum made by hand is the one \
                 that the library computes.",
                close_up.figure(&digit)?,
            ),
            figure(
                "convolution_valid.svg",
                "Without padding the window must lie inside the picture: 5 × 5 pixels leave 3 × 3 places, so the \
                 output loses a pixel at each border.",
                VALID.figure(&odd)?,
            ),
            figure(
                "convolution_same.svg",
                "With padding the middle of the window reaches every pixel, and the output is as large as the input; \
                 outlined are the places shown on the left.",
                SAME.figure(&odd)?,
            ),
            figure(
                "convolution_stride.svg",
                "With stride 2 the window moves two pixels at a time: of the nine places four are left, the corners.",
                STRIDE.figure(&odd)?,
            ),
            figure(
                "convolution_same_stride.svg",
                "Both sizes need an output of 3 × 3; for the odd one the zeros go evenly all round, for the even one, \
                 as in TensorFlow, the larger half goes below and to the right, and with it all middles.",
                borders::uneven(&odd, &even)?,
            ),
            figure(
                "convolution_sizes.svg",
                "Stride 2 and max-pooling both halve the map, but a stride keeps what happens to stand at every \
                 second place, while max-pooling keeps the largest of four.",
                sizes::figure(&digit)?,
            ),
            figure(
                SHAPES,
                "For every window the shape that our layer answers is the one that the formula gives.",
                shapes::figure(&cases),
            ),
            figure(
                "convolution_network.svg",
                "Maps shrink from layer to layer while each of their numbers sees more of the digit.",
                network::figure(&network, &digit)?,
            ),
        ],
        metrics: metrics.map(|(name, value)| (name.to_owned(), value)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_data::generated;
    use convnet_tensor::{Seed, Tensor};

    fn painted() -> Dataset {
        generated::digits(Seed(1), 10)
    }

    #[test]
    fn the_same_digits_give_the_same_figures() {
        let [first, second] = [painted(), painted()].map(|set| figures(&set).unwrap());
        assert_eq!(first.figures.len(), 9);
        assert_eq!(first.metrics, second.metrics);
        for (a, b) in first.figures.iter().zip(&second.figures) {
            assert!(a.bytes == b.bytes, "{}", a.name);
            assert!(a.caption.ends_with('.'), "{}", a.caption);
        }
    }

    #[test]
    fn every_figure_is_well_formed_and_harmless() {
        for figure in figures(&painted()).unwrap().figures {
            let svg = String::from_utf8(figure.bytes).unwrap();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{}", figure.name);
            let mut parts = svg.split("base64,");
            let mut own = parts.next().unwrap().replace("http://www.w3.org/2000/svg", "");
            own.extend(parts.map(|part| part.split_once('"').unwrap().1));
            for stranger in ["<script", "NaN", "inf", "http://", "onload"] {
                assert!(!own.contains(stranger), "{} has {stranger}", figure.name);
            }
            let mut open = Vec::new();
            for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
                match tag.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "{}", figure.name),
                    None if tag.ends_with('/') => {}
                    None => open.push(tag.split(' ').next().unwrap()),
                }
            }
            assert!(open.is_empty(), "{}: {open:?} left open", figure.name);
        }
    }

    #[test]
    fn the_sum_by_hand_is_the_librarys() {
        for label in 0..10 {
            let set = painted();
            let close_up =
                CloseUp::of(&Map::from_pixels(28, 28, set.picture(label).unwrap().data())).unwrap();
            assert!((close_up.sum - f64::from(close_up.response)).abs() < 1e-5);
            let terms: f32 = close_up.products.iter().sum();
            assert!((terms - close_up.response).abs() < 1e-5 && close_up.response != 0.0);
        }
        let metrics = figures(&painted()).unwrap().metrics;
        assert!((metrics["sum_of_nine_products"] - metrics["response_of_the_library"]).abs() < 1e-5);
        assert_eq!(metrics["receptive_field"], 18.0);
    }

    #[test]
    fn maps_have_the_chapters_sizes() {
        let digit = Map::from_pixels(28, 28, painted().picture(4).unwrap().data());
        let sizes = sizes::maps(&digit).unwrap().map(|(map, ..)| (map.rows, map.columns));
        assert_eq!(sizes, [(28, 28), (26, 26), (13, 13), (13, 13)]);
        let small = digit.crop((14, 14), 5);
        let outputs = [VALID, SAME, STRIDE]
            .map(|scene| small.convolved(&(scene.layer)(), &kernels::VERTICAL_EDGE.weights).unwrap().rows);
        assert_eq!(outputs, [3, 5, 2]);
    }

    #[test]
    fn other_pictures_are_refused() {
        let empty = Tensor::from_vec([0, 28, 28, 1], Vec::new()).unwrap();
        let small = Tensor::from_vec([1, 2, 2, 1], vec![0; 4]).unwrap();
        for (pictures, labels) in [(empty, vec![]), (small, vec![0])] {
            let set = Dataset::from_arrays(pictures, labels, vec!["0".into()]).unwrap();
            assert!(figures(&set).err().unwrap().to_string().contains("28×28×1"));
        }
    }
}
