//! Metrics that belong together by their names, as small tables instead of a long list.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::words;

/// A table of metrics: each row has a value in each column.
#[derive(Debug, PartialEq)]
pub(super) struct Family {
    /// What the rows are.
    corner: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// The families among `metrics`, and what belongs to none.
///
/// A family is `shift_0_a`, `shift_0_b`, `shift_1_a`, `shift_1_b` …: numbers down, the rest across; or `with_pooling_a`,
/// `without_pooling_a`, `with_pooling_b` …: the two side by side. One with a gap is none: as a table it could be far
/// larger than its metrics.
pub(super) fn of(metrics: &BTreeMap<String, f64>) -> (Vec<Family>, Vec<(&str, f64)>) {
    let mut rest: BTreeMap<&str, f64> = metrics.iter().map(|(name, &value)| (name.as_str(), value)).collect();
    let mut families = numbered(&mut rest);
    families.extend(contrasted(&mut rest));
    (families, rest.into_iter().collect())
}

impl Family {
    pub(super) fn table(&self) -> Markup {
        html! {
            table {
                thead { tr { th { (self.corner) } @for column in &self.columns { th.number { (column) } } } }
                tbody { @for (name, values) in &self.rows { tr {
                    th scope="row" { (name) }
                    @for value in values { td.number { (value) } }
                } } }
            }
        }
    }
}

/// `shift_12_dense_accuracy` as `shift`, 12 and `dense_accuracy`.
fn number_inside(name: &str) -> Option<(&str, u32, &str)> {
    let (kind, after) = name.split_once('_')?;
    let (digits, rest) = after.split_once('_')?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some((kind, number, rest))
}

/// The metrics of one number, with their names, by the words behind it.
type Row<'a> = BTreeMap<&'a str, (&'a str, f64)>;

fn numbered(metrics: &mut BTreeMap<&str, f64>) -> Vec<Family> {
    let mut kinds: BTreeMap<&str, BTreeMap<u32, Row<'_>>> = BTreeMap::new();
    for (&name, &value) in metrics.iter() {
        if let Some((kind, number, rest)) = number_inside(name) {
            kinds.entry(kind).or_default().entry(number).or_default().insert(rest, (name, value));
        }
    }
    let mut families = Vec::new();
    for (kind, numbers) in kinds {
        let columns: BTreeSet<&str> = numbers.values().flat_map(|row| row.keys().copied()).collect();
        if numbers.len() < 2 || numbers.values().any(|row| row.len() < columns.len()) {
            continue;
        }
        let rows = numbers.iter().map(|(number, row)| {
            (number.to_string(), row.values().map(|&(name, value)| words::metric(name, value)).collect())
        });
        families.push(Family {
            corner: words::name(kind),
            columns: columns.into_iter().map(words::name).collect(),
            rows: rows.collect(),
        });
        for (name, _) in numbers.values().flat_map(BTreeMap::values) {
            metrics.remove(name);
        }
    }
    families
}

fn contrasted(metrics: &mut BTreeMap<&str, f64>) -> Option<Family> {
    let mut pairs: Vec<(&str, f64, f64)> = metrics
        .iter()
        .filter_map(|(name, &with)| {
            let what = name.strip_prefix("with_")?;
            Some((what, with, *metrics.get(format!("without_{what}").as_str())?))
        })
        .collect();
    // What both are with and without: the words that every name goes on with, before its last.
    let mut common = pairs.first()?.0.rsplit_once('_')?.0;
    while !pairs.iter().all(|(what, ..)| what.strip_prefix(common).is_some_and(|rest| rest.starts_with('_')))
    {
        common = common.rsplit_once('_')?.0;
    }
    if pairs.len() < 2 {
        return None;
    }
    pairs.sort_by_key(|(what, ..)| !words::is_share(what)); // accuracies first
    let row = |&(what, with, without): &(&str, f64, f64)| {
        (
            words::name(&what[common.len() + 1..]),
            [with, without].map(|value| words::metric(what, value)).to_vec(),
        )
    };
    let rows = pairs.iter().map(row).collect();
    for (what, ..) in &pairs {
        for prefix in ["with_", "without_"] {
            metrics.remove(format!("{prefix}{what}").as_str());
        }
    }
    let columns = ["with", "without"].map(|side| format!("{side} {}", words::name(common)));
    Some(Family { corner: String::new(), columns: columns.to_vec(), rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(entries: &[(&str, f64)]) -> BTreeMap<String, f64> {
        entries.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    fn family(corner: &str, columns: &[&str], rows: &[(&str, &[&str])]) -> Family {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let rows = rows.iter().map(|(name, values)| ((*name).to_owned(), own(values)));
        Family { corner: corner.into(), columns: own(columns), rows: rows.collect() }
    }

    #[test]
    fn numbers_go_down_in_their_order() {
        let all = metrics(&[
            ("shift_10_net_accuracy", 0.2),
            ("shift_10_dense_accuracy", 0.1),
            ("shift_9_net_accuracy", 0.4),
            ("shift_9_dense_accuracy", 0.3),
            ("parameters", 7.0),
        ]);
        let (families, rest) = of(&all);
        let rows: &[(&str, &[&str])] = &[("9", &["30.00 %", "40.00 %"]), ("10", &["10.00 %", "20.00 %"])];
        assert_eq!(families, [family("shift", &["dense accuracy", "net accuracy"], rows)]);
        assert_eq!(rest, [("parameters", 7.0)]);
    }

    #[test]
    fn with_and_without_stand_side_by_side() {
        let all = metrics(&[
            ("with_pooling_parameters", 93_322.0),
            ("without_pooling_parameters", 2_038_922.0),
            ("with_pooling_test_accuracy", 0.99),
            ("without_pooling_test_accuracy", 0.98),
            ("without_pooling_odd", 1.0),
        ]);
        let (families, rest) = of(&all);
        let rows: &[(&str, &[&str])] =
            &[("test accuracy", &["99.00 %", "98.00 %"]), ("parameters", &["93,322", "2,038,922"])];
        assert_eq!(families, [family("", &["with pooling", "without pooling"], rows)]);
        assert_eq!(rest, [("without_pooling_odd", 1.0)]);
    }

    #[test]
    fn what_makes_no_table_stays_in_the_list() {
        let cases: [&[(&str, f64)]; 5] = [
            &[("shift_1_a", 1.0), ("shift_2_b", 1.0)],
            &[("shift_1_a", 1.0), ("shift_1_b", 1.0)],
            &[("shift_01_a", 1.0), ("shift_1_a", 1.0)],
            &[("with_a", 1.0), ("without_a", 1.0), ("with_b", 1.0), ("without_b", 1.0)],
            &[("with_", 1.0), ("without_", 1.0), ("_1_", 1.0), ("with__a", 1.0), ("without__a", 1.0)],
        ];
        for case in cases {
            let all = metrics(case);
            let (families, rest) = of(&all);
            assert!(families.is_empty() && rest.len() == case.len(), "{families:?}");
        }
    }
}
