//! A results file from anywhere: whatever is done to it, it is refused in words or becomes a page in which nothing of it runs.

use convnet_report::{Cells, DataSource, Error, Experiment, Results, render};
use std::collections::BTreeMap;
use std::path::Component;

fn results() -> String {
    let series = |values: &[f64]| values.to_vec();
    let mut experiment = Experiment {
        id: "5.1".into(),
        title: Some("The digits convnet".into()),
        data: Some("mnist".into()),
        seconds: 61.5,
        predicted_seconds: Some(60.0),
        peak_mib: Some(81.2),
        base: Some("vgg16".into()),
        note: Some("Why they differ.".into()),
        settings: Some("5 epochs".into()),
        metrics: BTreeMap::from([("test_accuracy".into(), 0.99), ("shift_1_a".into(), 0.5)]),
        book: BTreeMap::from([("test_accuracy".into(), [0.991, 0.993])]),
        history: BTreeMap::from([
            ("train_loss".into(), series(&[0.2, 0.1])),
            ("a/val_accuracy".into(), series(&[0.9, 0.95])),
        ]),
        lists: BTreeMap::from([("left out".into(), vec!["cat.1.jpg".into()])]),
        ..Experiment::default()
    };
    experiment.add_figure("figures/a.svg", "Look here.");
    let cells = Cells { pictures: "figures/b.png".into(), size: [28, 28], rows: vec![[0, 1, 2]] };
    experiment.cells.insert("figures/a.svg".into(), cells);
    let source = DataSource { title: "MNIST".into(), generated: false, origin: "a folder".into() };
    let results = Results {
        version: Results::VERSION,
        profile: "quick".into(),
        seed: 1,
        threads: 2,
        data: BTreeMap::from([("mnist".into(), source)]),
        experiments: vec![experiment],
        ..Results::default()
    };
    serde_json::to_string(&results).unwrap()
}

/// Numbers that look random (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// What an attacker would put in the place of something else.
const PIECES: [&str; 18] = [
    "<script>alert(1)</script>",
    "</script>",
    "\\\"><img src=x onerror=alert(1)>",
    "</title></style>",
    "../../etc/passwd",
    "javascript:alert(1)",
    "1e308",
    "-1",
    "null",
    "18446744073709551616",
    "NaN",
    "[[[[[[",
    "{\"a\":",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "\"figures\":[\"http://example.org/a.svg\"]",
    "",
];

fn mutated(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        let (at, length) = (dice.below(bytes.len()), dice.below(12));
        let end = (at + length).min(bytes.len());
        match dice.below(5) {
            0 => bytes[at] = dice.below(256) as u8,
            1 => bytes.truncate(at.max(1)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            // Inside a string or a number more often than not, so that the file stays one.
            _ => {
                let piece = PIECES[dice.below(PIECES.len())];
                let is_inside = |i: &usize| {
                    let letters = bytes[i - 1].is_ascii_alphabetic() && bytes[*i].is_ascii_alphabetic();
                    letters || bytes[i - 1] == b':'
                };
                let inside: Vec<usize> = (1..bytes.len()).filter(is_inside).collect();
                let at = inside.get(dice.below(inside.len())).copied().unwrap_or(at);
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    bytes
}

#[test]
fn a_mutated_file_is_refused_or_becomes_a_harmless_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let (text, mut dice) = (results(), Dice(1));
    let figures = |path: &str| {
        let mut parts = std::path::Path::new(path).components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{path}");
        Some(format!("<svg width=\"9\" onload=\"alert(1)\"><!--{path}--></svg>").into_bytes())
    };
    let (mut read, mut refused) = (0, 0);
    for _ in 0..3_000 {
        std::fs::write(&path, mutated(&text, &mut dice)).unwrap();
        match Results::read(&path) {
            Ok(results) => {
                let page = render(&results, &figures, None);
                assert!(page.ends_with("</html>"));
                assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
                assert_eq!(page.matches("<img").count(), page.matches("<img src=\"data:image/").count());
                assert!(!page.contains("onload=\"") && !page.contains("<img src=x"));
                read += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::Invalid { .. } | Error::Version { .. }), "{error}");
                assert!(error.to_string().contains("results.json"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(read > 300 && refused > 300, "both ways were tried: {read} read, {refused} refused");
}
