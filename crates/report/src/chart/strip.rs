//! Single values as points on a strip, so that the spread over seeds is seen, with the book's figure among them.

use super::canvas::{Anchor, Canvas, text_width};
use super::line::fill_class;
use super::scale::{Scale, drawable};
use crate::words;

/// Rows of points over one axis.
#[derive(Clone, Debug, Default)]
pub struct StripChart {
    /// Above the chart.
    pub title: String,
    /// Under the axis.
    pub x_label: String,
    /// Whether values from 0 to 1 are written as percentages.
    pub percent: bool,
    /// One row per source: our seeds, another program's runs.
    pub rows: Vec<StripRow>,
    /// The book's figure, lowest and highest, drawn as a diamond in a row of its own.
    pub book: Option<[f64; 2]>,
}

/// The points of one source.
#[derive(Clone, Debug, Default)]
pub struct StripRow {
    /// Its name, to the left.
    pub name: String,
    /// One value per run.
    pub values: Vec<f64>,
}

const WIDTH: f64 = 460.0;
const ROW: f64 = 42.0;

impl StripChart {
    /// The chart as one `<svg>` element; each row's mean is a short upright line.
    pub fn svg(&self) -> String {
        let book = self.book.filter(|[low, high]| drawable(*low) && drawable(*high));
        let values = self.rows.iter().flat_map(|row| &row.values).copied();
        let scale = Scale::around(values.chain(book.into_iter().flatten()), 4, self.percent);
        let names = self.rows.iter().map(|row| row.name.as_str()).chain(book.map(|_| "the book"));
        let left = 28.0 + names.map(|name| text_width(name, 13.0)).fold(40.0, f64::max).min(200.0);
        let right = WIDTH - 30.0;
        let place = |value: f64| scale.place(value, left, right);
        let show = |value: f64| words::metric(if self.percent { "accuracy" } else { "" }, value);

        let mut canvas = Canvas::new();
        canvas.title(WIDTH, &self.title);
        let top = 42.0;
        let bottom = top + ROW * (self.rows.len() + usize::from(book.is_some())) as f64;
        if let Some([low, high]) = book {
            let (from, to) = (place(low), place(high));
            canvas.rectangle((from - 2.0, top), (to - from + 4.0, bottom - top), "band", 1.0, "");
        }
        for &tick in &scale.ticks {
            canvas.segment((place(tick), top), (place(tick), bottom), "rule");
            canvas.text((place(tick), bottom + 18.0), Anchor::Middle, "soft small", &scale.label(tick));
        }
        canvas.segment((left, bottom), (right, bottom), "axis");
        canvas.text(((left + right) / 2.0, bottom + 37.0), Anchor::Middle, "soft", &self.x_label);

        for (i, row) in self.rows.iter().enumerate() {
            let y = top + ROW * (i as f64 + 0.5);
            let drawn: Vec<_> = row.values.iter().copied().filter(|&value| drawable(value)).collect();
            if drawn.len() > 1 {
                let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
                canvas.segment((place(mean), y - 13.0), (place(mean), y + 13.0), "axis");
                canvas.text((16.0, y + 13.0), Anchor::Start, "soft small", &format!("mean {}", show(mean)));
            }
            let lifted = if drawn.len() > 1 { y - 3.0 } else { y + 4.0 };
            canvas.text((16.0, lifted), Anchor::Start, "", &row.name);
            for (number, &value) in drawn.iter().enumerate() {
                // A small step up or down keeps equal values apart.
                let nudge = [0.0, -4.0, 4.0][number % 3];
                let tip = format!("{}, run {}: {}", row.name, number + 1, show(value));
                canvas.disc((place(value), y + nudge), 5.0, &format!("edge {}", fill_class(i)), &tip);
            }
        }
        if let Some(range @ [low, high]) = book {
            let y = bottom - ROW / 2.0;
            canvas.text((16.0, y + 4.0), Anchor::Start, "", "the book");
            let tip = words::book(if self.percent { "accuracy" } else { "" }, range);
            canvas.diamond((place((low + high) / 2.0), y), 7.0, "book edge", &tip);
        }
        canvas.finish(WIDTH, bottom + 50.0, &self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_a_point_of_its_own() {
        let row =
            StripRow { name: "ours, seeds 1–5".into(), values: vec![0.991, 0.9915, 0.99, f64::NAN, 0.992] };
        let chart = StripChart {
            percent: true,
            rows: vec![row],
            book: Some([0.991, 0.993]),
            ..StripChart::default()
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<circle").count(), 4);
        assert_eq!(svg.matches("class=\"book edge\"").count(), 1);
        assert!(svg.contains("mean 99.11 %") && svg.contains("99.1–99.3 %") && !svg.contains("NaN"));
        assert!(!StripChart::default().svg().contains("<circle"));
    }
}
