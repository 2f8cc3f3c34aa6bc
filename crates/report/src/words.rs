//! Numbers, times and names as a reader wants them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A whole number with thousands separated: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things by the name of one: `1 epoch`, `2,000 pictures`.
pub fn counted(value: u64, one: &str) -> String {
    format!("{} {one}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A rate per second: whole numbers from 10 on, one decimal below.
pub fn rate(value: f64) -> String {
    if !value.is_finite() {
        "–".to_owned()
    } else if value >= 9.95 {
        count(value.round() as u64)
    } else {
        format!("{value:.1}")
    }
}

/// A span of time: `0.4 s`, `12 s`, `1 min 05 s`, `2 h 03 min`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    let whole = seconds.round() as u64;
    match whole {
        0..10 if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {:02} min", count(minutes / 60), minutes % 60)
        }
    }
}

/// A span in seconds as [`duration`] says it; `–` for what is no span of time.
pub fn seconds(value: f64) -> String {
    Duration::try_from_secs_f64(value).map_or_else(|_| "–".to_owned(), duration)
}

/// The present as `2026-11-24T20:50:53Z`.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    timestamp(since)
}

/// Seconds since 1970 as `2026-11-24T20:50:53Z`.
fn timestamp(since: u64) -> String {
    // Years are counted from March, so that the leap day is the last of its year: days 719,468 before 1970.
    let (days, time) = (since / 86_400 + 719_468, since % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// A metric's name for readers: `test_accuracy` becomes `test accuracy`.
pub fn name(metric: &str) -> String {
    metric.replace('_', " ")
}

/// Whether a metric of this name is read as a percentage.
pub(crate) fn is_share(metric: &str) -> bool {
    metric.contains("accuracy") || metric.ends_with("pointing")
}

/// Whether a metric of this name follows from the network alone, so that it is the same on any pictures.
pub(crate) fn is_of_the_network(metric: &str) -> bool {
    ["parameters", "coefficients", "receptive_field"]
        .into_iter()
        .filter_map(|of| metric.strip_suffix(of))
        .any(|before| before.is_empty() || before.ends_with('_'))
}

/// A metric's value for readers, by its name: shares as `99.12 %`, large numbers with thousands separated.
pub fn metric(name: &str, value: f64) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    if is_share(name) {
        return format!("{:.2} %", value * 100.0);
    }
    let size = value.abs();
    if value == value.trunc() && size < 1e15 {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", count(size as u64));
    }
    match size {
        1e15.. => format!("{value:.3e}"),
        1000.0.. => format!("{}{}", if value < 0.0 { "−" } else { "" }, count(size.round() as u64)),
        10.0.. => format!("{value:.1}"),
        1e-4.. => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// The book's figure by its metric's name: one number, or a range as `99.1–99.3 %`.
pub fn book(name: &str, [low, high]: [f64; 2]) -> String {
    if low == high {
        return if is_share(name) { percent(low) + " %" } else { metric(name, low) };
    }
    if is_share(name) {
        return format!("{}–{} %", percent(low), percent(high));
    }
    format!("{} to {}", metric(name, low), metric(name, high))
}

/// A percentage without needless zeros: the book prints as many digits as it knows.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
        assert_eq!((counted(1, "epoch"), counted(0, "epoch")), ("1 epoch".to_owned(), "0 epochs".to_owned()));
        assert_eq!((rate(0.25), rate(12_345.4)), ("0.2".to_owned(), "12,345".to_owned()));
    }

    #[test]
    fn spans_read_well() {
        let cases =
            [(0.0, "0.0 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (65.0, "1 min 05 s")];
        for (value, text) in cases {
            assert_eq!(seconds(value), text);
        }
        assert_eq!(seconds(3599.9), "1 h 00 min");
        assert_eq!(seconds(7380.0), "2 h 03 min");
        assert_eq!((seconds(f64::NAN), seconds(-1.0)), ("–".to_owned(), "–".to_owned()));
    }

    #[test]
    fn dates_follow_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_704_067_199, "2023-12-31T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
        ];
        for (since, text) in cases {
            assert_eq!(timestamp(since), text);
        }
    }

    #[test]
    fn what_the_network_has_does_not_depend_on_pictures() {
        for name in ["parameters", "without_pooling_coefficients", "with_pooling_receptive_field"] {
            assert!(is_of_the_network(name), "{name}");
        }
        for name in ["test_accuracy", "hyperparameters", "parameters_accuracy", ""] {
            assert!(!is_of_the_network(name), "{name}");
        }
    }

    #[test]
    fn metrics_read_by_their_name() {
        assert_eq!(metric("test_accuracy", 0.99123), "99.12 %");
        assert_eq!(metric("test_accuracy_without_pooling", 0.978), "97.80 %");
        assert_eq!(metric("parameters", 93_322.0), "93,322");
        assert_eq!(metric("test_loss", 0.03217), "0.0322");
        assert_eq!(metric("images_per_second", 10_900.7), "10,901");
        assert_eq!(metric("test_loss", f64::NAN), "not a number");
        assert_eq!(book("test_accuracy", [0.991, 0.993]), "99.1–99.3 %");
        assert_eq!(book("test_accuracy", [0.978, 0.978]), "97.8 %");
    }
}
