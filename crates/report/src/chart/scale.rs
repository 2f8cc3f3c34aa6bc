//! From numbers to places on an axis: its range, round ticks and their labels.

/// An axis from `low` to `high` with round ticks.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    step: f64,
    percent: bool,
}

/// Beyond this size a number is not drawn: differences would lose their meaning in f64.
const LARGEST: f64 = 1e15;

/// Whether a number has a place on a chart.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

impl Scale {
    /// An axis around `values` with about `count` ticks; undrawable values are passed over.
    pub(super) fn around(values: impl Iterator<Item = f64>, count: usize, percent: bool) -> Self {
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for value in values.filter(|&value| drawable(value)) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // One value alone gets an axis with room to both sides.
        let least = (low.abs().max(high.abs()) * 1e-6).max(1e-9);
        if high - low < least {
            let room = if percent { 0.005 } else { low.abs().max(1.0) * 0.1 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / count.max(1) as f64);
        let (mut first, mut last) = ((low / step).floor(), (high / step).ceil());
        if percent && low >= 0.0 && high <= 1.0 {
            (first, last) = (first.max(0.0), last.min((1.0 / step).round()));
        }
        let ticks = (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect();
        Self { low: first * step, high: last * step, ticks, step, percent }
    }

    /// An axis of whole numbers exactly from `low` to `high`, as epochs are.
    pub(super) fn whole(low: f64, high: f64, count: usize) -> Self {
        if !(drawable(low) && drawable(high) && low < high) {
            let middle = if drawable(low) { low } else { 0.0 };
            return Self {
                low: middle - 0.5,
                high: middle + 0.5,
                ticks: vec![middle],
                step: 1.0,
                percent: false,
            };
        }
        let step = round_step((high - low) / count.max(1) as f64).max(1.0).ceil();
        let first = (low / step).ceil();
        let ticks = (0..=((high / step).floor() - first).max(0.0) as usize)
            .map(|i| (first + i as f64) * step)
            .collect();
        Self { low, high, ticks, step, percent: false }
    }

    /// The place of `value` between `from` (low) and `to` (high).
    pub(super) fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value - self.low) / (self.high - self.low) * (to - from)
    }

    /// A tick's label, with the decimals that tell ticks apart.
    pub(super) fn label(&self, tick: f64) -> String {
        let (value, step) = if self.percent { (tick * 100.0, self.step * 100.0) } else { (tick, self.step) };
        // Steps are 1, 2, 2.5 or 5 times a power of ten.
        let decimals = (0..12)
            .find(|&d| {
                let scaled = step * 10f64.powi(d);
                (scaled - scaled.round()).abs() < 1e-6 * scaled
            })
            .unwrap_or(12) as usize;
        // Not "-0.0".
        let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
        let text = format!("{value:.decimals$}").replace('-', "−");
        if self.percent { text + " %" } else { text }
    }
}

/// The next 1, 2, 2.5 or 5 times a power of ten.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor =
        [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| raw <= factor * power * (1.0 + 1e-9)).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_contain_the_values() {
        let scale = Scale::around([0.953, 0.9912].into_iter(), 5, true);
        let labels: Vec<_> = scale.ticks.iter().map(|&tick| scale.label(tick)).collect();
        assert_eq!(labels, ["95 %", "96 %", "97 %", "98 %", "99 %", "100 %"]);
        let scale = Scale::around([0.02, 0.24].into_iter(), 5, false);
        assert_eq!(scale.label(scale.ticks[1]), "0.05");
        assert!((scale.place(scale.high, 10.0, 20.0) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn shares_end_at_one_hundred_percent() {
        let scale = Scale::around([0.5, 0.9999].into_iter(), 5, true);
        assert_eq!(scale.label(*scale.ticks.last().unwrap()), "100 %");
        let single = Scale::around([1.0].into_iter(), 5, true);
        assert!(single.high > single.low && single.ticks.len() < 12);
    }

    #[test]
    fn odd_values_make_a_sound_axis() {
        let cases: [&[f64]; 7] = [
            &[],
            &[f64::NAN, f64::INFINITY],
            &[0.0],
            &[-1e15, 1e15],
            &[1e300],
            &[1e-300, 2e-300],
            &[1e15, 1e15 - 1.0],
        ];
        for values in cases {
            for percent in [false, true] {
                let scale = Scale::around(values.iter().copied(), 5, percent);
                assert!(scale.high > scale.low, "{values:?} {scale:?}");
                assert!((1..=30).contains(&scale.ticks.len()), "{values:?} {scale:?}");
                assert!(scale.ticks.iter().all(|&tick| scale.label(tick).len() < 30));
            }
        }
    }

    #[test]
    fn whole_axes_have_whole_ticks() {
        assert_eq!(Scale::whole(1.0, 5.0, 8).ticks, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(Scale::whole(1.0, 30.0, 6).ticks, [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
        assert_eq!(Scale::whole(1.0, 1.0, 8).ticks, [1.0]);
        assert!(Scale::whole(f64::NAN, 1.0, 8).high.is_finite());
    }
}
