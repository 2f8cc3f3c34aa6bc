//! Lines over a common axis: several series, some points marked.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, text_width};
use super::scale::{Scale, drawable};

/// A line chart.
#[derive(Clone, Debug, Default)]
pub struct LineChart {
    /// Above the chart.
    pub title: String,
    /// Under the horizontal axis: `epoch`, `pixels shifted`.
    pub x_label: String,
    /// Beside the vertical axis; may be empty.
    pub y_label: String,
    /// Whether values from 0 to 1 are written as percentages.
    pub percent: bool,
    /// The lines, at most six of them told apart by colour.
    pub series: Vec<Series>,
    /// Points with a ring and words.
    pub marks: Vec<Mark>,
    /// Whether the area between the first two lines is shaded.
    pub gap: Option<Gap>,
}

/// Where the area between the first two lines of a chart is shaded. Their points must lie over the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Where the first has the larger values.
    FirstAbove,
    /// Where the first has the smaller values.
    FirstBelow,
}

/// Where numbers lie on a chart: two places in units of the view box, and the numbers there.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Plot {
    x: [f64; 4],
    y: [f64; 4],
}

/// One line of a chart.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Points from left to right; one that is not finite leaves a gap.
    pub points: Vec<(f64, f64)>,
    /// Whether it is drawn dotted.
    pub dashed: bool,
}

/// A point that a reader should look at.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// On which series it lies, counted from 0.
    pub series: usize,
    /// Its place.
    pub at: (f64, f64),
    /// What is written beside it.
    pub label: String,
}

const WIDTH: f64 = 460.0;
const PLOT_HEIGHT: f64 = 210.0;
const RIGHT: f64 = WIDTH - 16.0;

impl LineChart {
    /// The chart as one `<svg>` element.
    pub fn svg(&self) -> String {
        self.drawn().0
    }

    /// The chart, and where numbers lie on it.
    pub(crate) fn drawn(&self) -> (String, Plot) {
        let points = || {
            self.series.iter().flat_map(|series| &series.points).filter(|p| drawable(p.0) && drawable(p.1))
        };
        let y = Scale::around(points().map(|point| point.1), 5, self.percent);
        let whole = points().all(|point| point.0 == point.0.trunc());
        let x = if whole {
            let (low, high) =
                points().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p.0), high.max(p.0)));
            Scale::whole(low, high, 10)
        } else {
            Scale::around(points().map(|point| point.0), 8, false)
        };

        let mut canvas = Canvas::new();
        canvas.title(WIDTH, &self.title);
        let classes: Vec<_> =
            self.series.iter().enumerate().map(|(i, series)| line_class(i, series)).collect();
        let entries: Vec<_> =
            classes.iter().cloned().zip(self.series.iter().map(|series| series.name.as_str())).collect();
        let top = 46.0 + canvas.legend(16.0, RIGHT, 46.0, &entries);
        let bottom = top + PLOT_HEIGHT;

        let widest = y.ticks.iter().map(|&tick| text_width(&y.label(tick), 11.5)).fold(0.0, f64::max);
        let left = 16.0 + widest + 8.0 + if self.y_label.is_empty() { 0.0 } else { 18.0 };
        for &tick in &y.ticks {
            let at = y.place(tick, bottom, top);
            canvas.segment((left, at), (RIGHT, at), "rule");
            canvas.text((left - 8.0, at + 4.0), Anchor::End, "soft small", &y.label(tick));
        }
        if !self.y_label.is_empty() {
            canvas.text_upwards((20.0, (top + bottom) / 2.0), "soft", &self.y_label);
        }
        canvas.segment((left, bottom), (RIGHT, bottom), "axis");
        // The lines keep clear of the frame, so that first and last points are seen whole.
        let place = |(px, py): (f64, f64)| (x.place(px, left + 10.0, RIGHT - 10.0), y.place(py, bottom, top));
        for &tick in &x.ticks {
            let at = place((tick, y.low)).0;
            canvas.segment((at, bottom), (at, bottom + 4.0), "axis");
            canvas.text((at, bottom + 18.0), Anchor::Middle, "soft small", &x.label(tick));
        }
        canvas.text(((left + RIGHT) / 2.0, bottom + 37.0), Anchor::Middle, "soft", &self.x_label);

        for area in self.areas() {
            canvas.area(area.into_iter().map(place), "gap");
        }
        for (i, series) in self.series.iter().enumerate() {
            let seen = |&(px, py): &(f64, f64)| (drawable(px) && drawable(py)).then(|| place((px, py)));
            canvas.path(series.points.iter().map(seen), &format!("line {}", classes[i]));
            // Many points would hide the line that they are on.
            if series.points.len() <= 40 {
                for (&(px, py), at) in series.points.iter().zip(series.points.iter().map(seen)) {
                    let Some(at) = at else { continue };
                    let tip = format!("{}: {} {px}, {}", series.name, self.x_label, self.value(py));
                    canvas.disc(at, 2.8, fill_class(i), &tip);
                }
            }
        }
        for mark in self.marks.iter().filter(|mark| drawable(mark.at.0) && drawable(mark.at.1)) {
            let at = place(mark.at);
            canvas.disc(at, 7.0, &format!("ring {}", stroke_class(mark.series)), &mark.label);
            // Beside the ring where there is room, away from the nearer horizontal edge.
            let below = at.1 < (top + bottom) / 2.0;
            let words = at.1 + if below { 24.0 } else { -14.0 };
            let half = text_width(&mark.label, 13.0) / 2.0;
            let centre = at.0.clamp(left + half, (RIGHT - half).max(left + half));
            let class = format!("halo {}", fill_class(mark.series));
            canvas.text((centre, words), Anchor::Middle, &class, &mark.label);
        }
        let plot = Plot { x: [left + 10.0, RIGHT - 10.0, x.low, x.high], y: [bottom, top, y.low, y.high] };
        (canvas.finish(WIDTH, bottom + 50.0, &self.title), plot)
    }

    /// The corners of the areas to be shaded, in numbers of the chart.
    fn areas(&self) -> Vec<Vec<(f64, f64)>> {
        let (Some(gap), [first, second, ..]) = (self.gap, &*self.series) else { return Vec::new() };
        let mut areas: Vec<Vec<(f64, f64)>> = Vec::new();
        // Between each two places: a quadrilateral, or a triangle where the lines cross.
        let pairs: Vec<_> = first.points.iter().zip(&second.points).collect();
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let mut close = |upper: &mut Vec<(f64, f64)>, lower: &mut Vec<(f64, f64)>| {
            if upper.len() > 1 {
                areas.push(upper.drain(..).chain(lower.drain(..).rev()).collect());
            }
            upper.clear();
            lower.clear();
        };
        let distance = |(a, b): (&(f64, f64), &(f64, f64))| match gap {
            Gap::FirstAbove => a.1 - b.1,
            Gap::FirstBelow => b.1 - a.1,
        };
        for (i, &(a, b)) in pairs.iter().enumerate() {
            let here = distance((a, b));
            if !(drawable(a.1) && drawable(b.1)) {
                close(&mut upper, &mut lower);
                continue;
            }
            if here >= 0.0 {
                upper.push(*a);
                lower.push(*b);
            }
            let Some(&(c, d)) = pairs.get(i + 1) else { continue };
            let next = distance((c, d));
            if drawable(next) && here * next < 0.0 {
                let share = here / (here - next);
                let crossing = (a.0 + (c.0 - a.0) * share, a.1 + (c.1 - a.1) * share);
                upper.push(crossing);
                lower.push(crossing);
            } else if here > 0.0 && next == 0.0 {
                upper.push(*c);
                lower.push(*d);
            }
            if here >= 0.0 && next <= 0.0 {
                close(&mut upper, &mut lower);
            }
        }
        close(&mut upper, &mut lower);
        areas
    }

    fn value(&self, value: f64) -> String {
        if self.percent { format!("{:.2} %", value * 100.0) } else { format!("{value:.4}") }
    }
}

/// Colours repeat after six; more lines than that are hard to tell apart in any colours.
pub(super) fn stroke_class(series: usize) -> &'static str {
    ["l0", "l1", "l2", "l3", "l4", "l5"][series % 6]
}

/// The filling that goes with [`stroke_class`].
pub(super) fn fill_class(series: usize) -> &'static str {
    ["f0", "f1", "f2", "f3", "f4", "f5"][series % 6]
}

fn line_class(i: usize, series: &Series) -> String {
    format!("{}{}", stroke_class(i), if series.dashed { " dash" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift() -> LineChart {
        let line = |name: &str, slope: f64| Series {
            name: name.into(),
            points: (0..=8).map(|pixels| (f64::from(pixels), 0.99 - slope * f64::from(pixels))).collect(),
            dashed: false,
        };
        LineChart {
            title: "Shift & <accuracy>".into(),
            x_label: "pixels".into(),
            percent: true,
            series: vec![line("convnet", 0.05), line("dense", 0.1)],
            ..LineChart::default()
        }
    }

    #[test]
    fn every_series_and_point_is_there_and_text_is_escaped() {
        let svg = shift().svg();
        assert_eq!(svg.matches("<circle").count(), 18);
        assert_eq!(svg.matches("class=\"line l1\"").count(), 2, "legend and line");
        assert!(svg.contains("Shift &amp; &lt;accuracy&gt;") && !svg.contains("<accuracy>"));
        assert!(svg.contains("100 %"));
    }

    #[test]
    fn points_that_are_no_numbers_leave_a_gap() {
        let mut chart = shift();
        chart.series.truncate(1);
        chart.series[0].points[4].1 = f64::NAN;
        let svg = chart.svg();
        let path = svg.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn an_empty_chart_is_still_a_chart() {
        let svg = LineChart::default().svg();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
