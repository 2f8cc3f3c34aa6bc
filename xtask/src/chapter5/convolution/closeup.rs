//! One window looked at closely: nine products, their sum, and where it lands.

use anyhow::{Result, ensure};
use convnet_layers::Conv2D;
use convnet_report::chart::{Anchor, Canvas};

use super::draw::{MARGIN, PIXEL, cells, decimal, framed, grey, signed, weight, window};
use super::kernels::VERTICAL_EDGE;
use super::map::Map;

/// The patch under a window, what the kernel makes of it by hand, and what the library made of it.
pub(super) struct CloseUp {
    /// The upper left pixel of the window, and the place of its response.
    pub(super) place: (usize, usize),
    pub(super) patch: Map,
    pub(super) products: [f32; 9],
    /// Added here, in 64 bits.
    pub(super) sum: f64,
    /// Read from the library's response map.
    pub(super) response: f32,
    map: Map,
}

impl CloseUp {
    /// The window to which the vertical edge kernel answers most strongly, among those where most of the products are not
    /// zero: there is more to see in them.
    pub(super) fn of(digit: &Map) -> Result<CloseUp> {
        let map = digit.convolved(&Conv2D::new(1, 3), &VERTICAL_EDGE.weights)?;
        let patch_at = |row: usize, column: usize| digit.crop((row + 1, column + 1), 3);
        let products_of = |patch: &Map| -> [f32; 9] {
            std::array::from_fn(|i| patch.numbers[i] * VERTICAL_EDGE.weights[i])
        };
        let mut best = ((0, 0.0), (0, 0));
        for place in 0..map.numbers.len() {
            let (row, column) = (place / map.columns, place % map.columns);
            let products = products_of(&patch_at(row, column));
            let score =
                (products.iter().filter(|&&product| product != 0.0).count(), map.numbers[place].abs());
            if score > best.0 {
                best = (score, (row, column));
            }
        }
        let (row, column) = best.1;
        let (patch, response) = (patch_at(row, column), map.at(row, column));
        let products = products_of(&patch);
        let sum: f64 = products.iter().copied().map(f64::from).sum();
        // Nine terms of at most 1: each addition in 32 bits may be off by 9 ε / 2.
        let bound = 9.0 * 9.0 * f64::from(f32::EPSILON) / 2.0;
        ensure!(
            (sum - f64::from(response)).abs() <= bound,
            "the nine products at ({row}, {column}) add up to {sum}, but the convolution gives {response}"
        );
        Ok(CloseUp { place: (row, column), patch, products, sum, response, map })
    }

    pub(super) fn figure(&self, digit: &Map) -> Result<String> {
        const SIDE: f64 = 44.0;
        let mut canvas = Canvas::new();
        let title = "One window looked at closely";
        canvas.text((MARGIN, 24.0), Anchor::Start, "head", title);
        let top = 68.0;
        let size = digit.columns as f64 * PIXEL;
        let middle = top + size / 2.0;
        let square = 3.0 * SIDE;
        let under = top + size + 18.0;

        let mut x = MARGIN;
        let label = |canvas: &mut Canvas, x: f64, width: f64, words: &str, note: &str| {
            canvas.text((x + width / 2.0, top - 11.0), Anchor::Middle, "", words);
            canvas.text((x + width / 2.0, under), Anchor::Middle, "soft small", note);
        };
        let (row, column) = self.place;
        label(
            &mut canvas,
            x,
            size,
            "the digit",
            &format!("rows {}–{}, columns {}–{}", row + 1, row + 3, column + 1, column + 3),
        );
        framed(&mut canvas, (x, top), PIXEL, &grey(digit)?)?;
        window(&mut canvas, (x, top), PIXEL, self.place, 3, 1);
        self.rays(&mut canvas, (x, top), (x + size + 36.0, middle - square / 2.0), square);
        x += size + 36.0;

        let nine = |numbers: &[f32]| Map { rows: 3, columns: 3, numbers: numbers.to_vec() };
        let (kernel, products) = (nine(&VERTICAL_EDGE.weights), nine(&self.products));
        let y = middle - square / 2.0;
        label(&mut canvas, x, square, "the patch", "nine pixels, 0 to 1");
        cells(&mut canvas, (x, y), SIDE, &grey(&self.patch)?, |r, c| decimal(self.patch.at(r, c)))?;
        canvas.rectangle((x, y), (square, square), "line l1", 1.0, "");
        x += square;
        canvas.text((x + 13.0, middle + 5.0), Anchor::Middle, "head", "×");
        x += 26.0;
        label(&mut canvas, x, square, "the kernel", VERTICAL_EDGE.name);
        cells(&mut canvas, (x, y), SIDE, &signed(&kernel)?, |r, c| weight(kernel.at(r, c)))?;
        x += square;
        canvas.text((x + 13.0, middle + 5.0), Anchor::Middle, "head", "=");
        x += 26.0;
        label(&mut canvas, x, square, "nine products", "square by square");
        cells(&mut canvas, (x, y), SIDE, &signed(&products)?, |r, c| decimal(products.at(r, c)))?;
        x += square;

        let gap = 78.0;
        canvas.text((x + gap / 2.0, middle - 13.0), Anchor::Middle, "soft small", "added up");
        canvas.text((x + gap / 2.0, middle + 6.0), Anchor::Middle, "head", &decimal(self.sum as f32));
        x += gap;
        label(&mut canvas, x, size, "the response map", &format!("row {}, column {}", row + 1, column + 1));
        let at = (x + PIXEL, top + PIXEL);
        framed(&mut canvas, at, PIXEL, &signed(&self.map)?)?;
        let target = (at.0 + column as f64 * PIXEL, at.1 + row as f64 * PIXEL);
        canvas.rectangle(
            (target.0 - 2.0, target.1 - 2.0),
            (PIXEL + 4.0, PIXEL + 4.0),
            "line l2",
            1.0,
            &format!("response {}", self.response),
        );
        canvas.segment(
            (x - gap / 2.0 + 26.0, middle + 1.0),
            (target.0 - 4.0, target.1 + PIXEL / 2.0),
            "ring l2",
        );
        x += size;
        let centre = (MARGIN + x) / 2.0;
        canvas.text((centre, under + 32.0), Anchor::Middle, "", &self.addition());
        let library =
            format!("the library's Conv2D gives {:.4} at that place", self.response).replace('-', "−");
        canvas.text((centre, under + 52.0), Anchor::Middle, "soft", &library);
        Ok(canvas.finish(x + MARGIN, under + 70.0, title))
    }

    /// The nine products and their sum in a line.
    fn addition(&self) -> String {
        let mut line = String::new();
        for (number, product) in self.products.iter().enumerate() {
            let sign = match (number, *product < 0.0) {
                (0, true) => "−",
                (0, false) => "",
                (_, true) => " − ",
                (_, false) => " + ",
            };
            line += &format!("{sign}{:.4}", product.abs());
        }
        let sign = if self.sum < 0.0 { "−" } else { "" };
        format!("{line} = {sign}{:.4}", self.sum.abs())
    }

    /// Lines from the window in the digit to the patch, as from a magnifying glass.
    fn rays(&self, canvas: &mut Canvas, digit: (f64, f64), patch: (f64, f64), square: f64) {
        let right = digit.0 + (self.place.1 + 3) as f64 * PIXEL;
        let upper = digit.1 + self.place.0 as f64 * PIXEL;
        canvas.segment((right, upper), patch, "ring l1");
        canvas.segment((right, upper + 3.0 * PIXEL), (patch.0, patch.1 + square), "ring l1");
    }
}
