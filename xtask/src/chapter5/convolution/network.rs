//! The digits network layer by layer: shape, numbers, and how much of the digit one number sees.

use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model, Part};
use convnet_report::Align;
use convnet_report::chart::{Anchor, Canvas};
use convnet_tensor::Seed;

use super::draw::{MARGIN, framed, grey};
use super::map::Map;
use super::table;

/// One layer, and the square of the digit that one of its numbers depends on.
pub(super) struct Row {
    name: String,
    what: String,
    output: Vec<usize>,
    parameters: usize,
    pub(super) sees: Option<ReceptiveField>,
}

/// The pixels behind one number of a layer without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceptiveField {
    /// Side in pixels.
    pub(super) size: usize,
    /// Pixels between the squares of two neighbours.
    step: usize,
}

impl ReceptiveField {
    /// One pixel sees itself.
    const PIXEL: ReceptiveField = ReceptiveField { size: 1, step: 1 };

    fn behind(self, window: usize, stride: usize) -> ReceptiveField {
        ReceptiveField { size: self.size + (window - 1) * self.step, step: self.step * stride }
    }
}

/// The rows of a chain of layers; behind the last convolution or pooling each number sees the whole digit.
pub(super) fn rows(architecture: &Architecture, digit: &Map) -> Result<Vec<Row>> {
    let input = InputSpec::new([digit.rows, digit.columns, 1]);
    let model = Model::new(architecture.clone(), input, Seed(1))?;
    let mut field = Some(ReceptiveField::PIXEL);
    let layers = architecture.parts().iter().zip(model.summary().rows);
    Ok(layers
        .map(|(part, summary)| {
            let layer = match &part.part {
                Part::Layer(layer) => Some(layer.as_any()),
                Part::Nested(_) => None,
            };
            let window = if let Some(layer) = layer.and_then(|layer| layer.downcast_ref::<Conv2D>()) {
                Some((layer.kernel_size.0[0], layer.strides.0[0]))
            } else {
                let pooling = layer.and_then(|layer| layer.downcast_ref::<MaxPooling2D>());
                pooling.map(|layer| (layer.pool_size.0[0], layer.strides.0[0]))
            };
            field = field.zip(window).map(|(field, (window, stride))| field.behind(window, stride));
            Row {
                what: window.map_or(String::new(), |(window, _)| format!("{window} × {window}")),
                name: summary.path,
                output: summary.output.to_vec(),
                parameters: summary.parameters,
                sees: field,
            }
        })
        .collect())
}

pub(super) fn figure(rows: &[Row], digit: &Map) -> Result<String> {
    let title = "The digits network, layer by layer";
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let sees = row.sees.map(|field| format!("{0} × {0}", field.size));
            vec![
                row.name.clone(),
                row.what.clone(),
                row.output.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × "),
                grouped(row.output.iter().product()),
                grouped(row.parameters),
                sees.unwrap_or_else(|| "all".to_owned()),
            ]
        })
        .collect();
    let heads = [
        ("layer", Align::Left),
        ("window", Align::Right),
        ("output", Align::Right),
        ("coefficients", Align::Right),
        ("parameters", Align::Right),
        ("sees", Align::Right),
    ];
    let mut canvas = Canvas::new();
    canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
    let (right, bottom) = table::draw(&mut canvas, (MARGIN, 42.0), &heads, &cells);
    let note = "coefficients: numbers per digit. sees: the square of the digit behind one of them.";
    canvas.text((MARGIN, bottom + 24.0), Anchor::Start, "soft small", note);

    const SIDE: f64 = 7.0;
    let at = (right + 62.0, 56.0);
    framed(&mut canvas, at, SIDE, &grey(digit)?)?;
    let fields = rows.iter().filter_map(|row| Some((row, row.sees?)));
    for (number, (row, field)) in fields.enumerate() {
        let colour = format!("line l{}", number % 6);
        let y = 42.0 + table::HEAD + table::ROW * (number as f64 + 0.5);
        canvas.segment((right + 8.0, y), (right + 26.0, y), &colour);
        // Two layers in a row share edges of their squares; a little room inside keeps both in sight.
        let inset = if number % 2 == 0 { 2.4 } else { 0.0 };
        let corner = |axis: usize| (row.output[axis] / 2 * field.step) as f64 * SIDE + inset;
        let side = field.size as f64 * SIDE - 2.0 * inset;
        canvas.rectangle((at.0 + corner(1), at.1 + corner(0)), (side, side), &colour, 1.0, &row.name);
    }
    let end = at.0 + digit.columns as f64 * SIDE + 16.0;
    let under = at.1 + digit.rows as f64 * SIDE + 18.0;
    let words = "what one number near the middle sees";
    canvas.text((at.0 + digit.columns as f64 * SIDE / 2.0, under), Anchor::Middle, "soft small", words);
    Ok(canvas.finish(end + MARGIN, (bottom + 40.0).max(under + 16.0), title))
}

/// 36928 as "36,928".
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chapter5::digits::convnet;

    #[test]
    fn receptive_fields_grow_as_in_the_chapter() {
        let digit = Map { rows: 28, columns: 28, numbers: vec![0.0; 784] };
        let rows = rows(&convnet(), &digit).unwrap();
        let sees: Vec<_> = rows.iter().filter_map(|row| Some(row.sees?.size)).collect();
        assert_eq!(sees, [3, 4, 8, 10, 18]);
        let sides: Vec<_> = rows[..5].iter().map(|row| row.output[0]).collect();
        assert_eq!(sides, [26, 13, 11, 5, 3]);
        assert_eq!(rows.iter().map(|row| row.parameters).sum::<usize>(), 93_322);
        assert_eq!([0, 999, 36_928, 1_000_000].map(grouped), ["0", "999", "36,928", "1,000,000"]);
    }

    #[test]
    fn one_number_depends_on_its_square_and_on_no_other_pixel() {
        let digit = Map { rows: 28, columns: 28, numbers: vec![0.5; 784] };
        let layers = || convnet().up_to("conv2d_2").unwrap();
        let field = rows(&layers(), &digit).unwrap().last().unwrap().sees.unwrap();
        let model = Model::new(layers(), InputSpec::new([28, 28, 1]), Seed(3)).unwrap();
        let middle = |numbers: &[f32]| {
            let x = convnet_tensor::Tensor::from_slice([1, 28, 28, 1], numbers).unwrap();
            model.predict(&x).unwrap().data()[4 * 64..5 * 64].to_vec()
        };
        let before = middle(&digit.numbers);
        let changed = |row: usize, column: usize| {
            let mut numbers = digit.numbers.clone();
            numbers[row * 28 + column] = 30.0;
            // Winograd's algorithm rounds over a whole tile, so a pixel beside the square may move the last bits.
            let scale = before.iter().fold(0.0f32, |scale, number| scale.max(number.abs()));
            middle(&numbers).iter().zip(&before).any(|(now, before)| (now - before).abs() > 1e-4 * scale)
        };
        let (first, last) = (field.step, field.step + field.size - 1);
        assert!(changed(first, first) && changed(last, last));
        assert!(!changed(first - 1, first) && !changed(last, last + 1));
    }
}
