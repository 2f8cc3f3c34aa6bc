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
/// larger than its metrics. Methods that are measured by the same things ([`MEASURES`]) are rows of a table too; there are few
/// columns, so that gaps do no harm.
pub(super) fn of(metrics: &BTreeMap<String, f64>) -> (Vec<Family>, Vec<(&str, f64)>) {
    let mut rest: BTreeMap<&str, f64> = metrics.iter().map(|(name, &value)| (name.as_str(), value)).collect();
    let mut families = numbered(&mut rest);
    families.extend(contrasted(&mut rest));
    // What random weights do has a table of its own, below that of what was learned.
    let [learned, control] = measured(&mut rest);
    families.extend(
        [("method", learned), ("method, random weights", control)]
            .into_iter()
            .filter_map(|(corner, methods)| family_of_methods(corner, methods)),
    );
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

/// What heatmaps are measured by, in the order of the columns: the last words of a name, behind the method's.
const MEASURES: [&str; 8] = [
    "pointing",
    "mass",
    "deletion",
    "insertion",
    "average_drop",
    "average_increase",
    "sparseness",
    "twin_likeness",
];

/// The names and values of a method's metrics, by what they measure.
type Methods<'a> = BTreeMap<&'a str, Row<'a>>;

/// Takes `grad_cam_deletion` and `grad_cam_control_deletion` … from the metrics where at least two methods have been measured by
/// two things.
fn measured<'a>(metrics: &mut BTreeMap<&'a str, f64>) -> [Methods<'a>; 2] {
    let mut found = [Methods::new(), Methods::new()];
    for (&name, &value) in metrics.iter() {
        let measure = MEASURES
            .into_iter()
            .find_map(|measure| Some((name.strip_suffix(measure)?.strip_suffix('_')?, measure)));
        let Some((method, measure)) = measure.filter(|(method, _)| !method.is_empty()) else { continue };
        let (kind, method) = match method.strip_suffix("_control") {
            Some(method) if !method.is_empty() => (1, method),
            _ => (0, method),
        };
        found[kind].entry(method).or_default().insert(measure, (name, value));
    }
    found.map(|mut methods| {
        let whole = methods.values().filter(|measures| measures.len() > 1).count();
        if whole < 2 {
            methods.clear();
        }
        for (name, _) in methods.values().flat_map(BTreeMap::values) {
            metrics.remove(name);
        }
        methods
    })
}

/// A row for each method, a column for each thing that any of them was measured by.
fn family_of_methods(corner: &str, methods: Methods<'_>) -> Option<Family> {
    let is_measured = |measure: &&str| methods.values().any(|row| row.contains_key(measure));
    let columns: Vec<&str> = MEASURES.into_iter().filter(is_measured).collect();
    let value = |row: &Row<'_>, measure: &str| {
        row.get(measure).map_or_else(|| "–".to_owned(), |&(name, value)| words::metric(name, value))
    };
    let rows = methods.iter().map(|(method, row)| {
        (words::name(method), columns.iter().map(|measure| value(row, measure)).collect())
    });
    let rows: Vec<_> = rows.collect();
    let columns = columns.iter().map(|measure| words::name(measure)).collect();
    (!rows.is_empty()).then(|| Family { corner: corner.into(), columns, rows })
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
    fn methods_are_rows_and_what_they_are_measured_by_is_a_column() {
        let all = metrics(&[
            ("grad_cam_pointing", 0.9),
            ("grad_cam_average_drop", 0.5),
            ("grad_cam_control_pointing", 0.3),
            ("grad_cam_control_average_drop", 0.7),
            ("occlusion_pointing", 0.8),
            ("occlusion_average_drop", 0.25),
            ("occlusion_control_pointing", 0.2),
            ("occlusion_control_average_drop", 0.75),
            ("centre_pointing", 0.29),
            ("pointing", 1.0),
            ("test_accuracy", 1.0),
        ]);
        let (families, rest) = of(&all);
        let learned: &[(&str, &[&str])] = &[
            ("centre", &["29.00 %", "–"]),
            ("grad cam", &["90.00 %", "0.5000"]),
            ("occlusion", &["80.00 %", "0.2500"]),
        ];
        let random: &[(&str, &[&str])] =
            &[("grad cam", &["30.00 %", "0.7000"]), ("occlusion", &["20.00 %", "0.7500"])];
        let columns = ["pointing", "average drop"];
        let expected =
            [family("method", &columns, learned), family("method, random weights", &columns, random)];
        assert_eq!(families, expected);
        assert_eq!(rest, [("pointing", 1.0), ("test_accuracy", 1.0)]);
    }

    #[test]
    fn what_makes_no_table_stays_in_the_list() {
        let cases: [&[(&str, f64)]; 6] = [
            &[
                ("grad_cam_deletion", 1.0),
                ("grad_cam_mass", 1.0),
                ("_control_mass", 1.0),
                ("occlusion_mass", 1.0),
            ],
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
