//! The confusion matrix: which class was taken for which.

use super::canvas::{Anchor, Canvas, shortened, text_width};
use crate::words;

/// The widest name of a class; of a longer one the beginning is written, the rest is under the pointer.
const WIDEST_NAME: f64 = 120.0;
/// Cells that are smaller have no counts; these are still under the pointer.
const LEAST_WITH_COUNTS: f64 = 16.0;
/// More classes than that make a picture that nobody can read, of a size that nobody wants.
const MOST_CLASSES: usize = 100;

/// The matrix as one `<svg>` element: a row per true class, a column per predicted one.
///
/// `counts` has `classes.len()` rows of as many columns. Blue is right and orange wrong; the shade is the share of the
/// row, its square root for mistakes, so that rare ones are still seen. `None` if the numbers do not fit or there are more
/// than 100 classes.
pub fn confusion_matrix(title: &str, classes: &[String], counts: &[u64]) -> Option<String> {
    let n = classes.len();
    if !(1..=MOST_CLASSES).contains(&n) || counts.len() != n * n {
        return None;
    }
    let labels: Vec<_> = classes.iter().map(|name| shortened(name, 13.0, WIDEST_NAME)).collect();
    let names = labels.iter().map(|label| text_width(label, 13.0)).fold(0.0, f64::max);
    // A few classes get cells as wide as their names.
    let cell = (380.0 / n as f64).clamp(7.0, f64::max(64.0, names + 12.0));
    let side = cell * n as f64;
    let every = (16.0 / cell).ceil() as usize;
    // Names that would run into each other are turned.
    let turned = names + 6.0 > cell * every as f64;
    let below = if turned { names } else { 13.0 };
    let with_counts = cell >= LEAST_WITH_COUNTS
        && counts.iter().all(|count| text_width(&count.to_string(), 11.5) < cell - 2.0);
    let (left, top) = (48.0 + names, 46.0);
    let mut canvas = Canvas::new();
    canvas.text((16.0, 24.0), Anchor::Start, "head", title);
    canvas.text_upwards((26.0, top + side / 2.0), "soft", "true class");
    let predicted_class = "predicted class";
    canvas.text((left + side / 2.0, top + side + below + 29.0), Anchor::Middle, "soft", predicted_class);
    for (truth, row) in counts.chunks_exact(n).enumerate() {
        let y = top + cell * truth as f64;
        let total = row.iter().map(|&count| count as f64).sum::<f64>();
        if truth % every == 0 {
            canvas.text((left - 8.0, y + cell / 2.0 + 4.5), Anchor::End, "", &labels[truth]);
            let middle = left + cell * (truth as f64 + 0.5);
            if turned {
                canvas.text_up_to((middle + 4.5, top + side + 8.0), "", &labels[truth]);
            } else {
                canvas.text((middle, top + side + 20.0), Anchor::Middle, "", &labels[truth]);
            }
        }
        for (predicted, &count) in row.iter().enumerate() {
            let right = truth == predicted;
            let share = if total > 0.0 { count as f64 / total } else { 0.0 };
            let shade = match (count, right) {
                (0, _) => 0.04,
                (_, true) => 0.12 + 0.8 * share,
                (_, false) => 0.12 + 0.8 * share.sqrt(),
            };
            let at = (left + cell * predicted as f64 + 0.75, y + 0.75);
            let tip = format!("{} taken for {}: {}", classes[truth], classes[predicted], words::count(count));
            let class = if right { "heat" } else { "miss" };
            canvas.rectangle(
                at,
                (cell - 1.5, cell - 1.5),
                class,
                if count == 0 { 0.05 } else { shade },
                &tip,
            );
            if with_counts && count > 0 {
                let class = if shade > 0.5 { "small on" } else { "small" };
                let centre = (left + cell * (predicted as f64 + 0.5), y + cell / 2.0 + 4.0);
                canvas.text(centre, Anchor::Middle, class, &count.to_string());
            }
        }
    }
    let words =
        f64::max(32.0 + text_width(title, 14.5), left + (side + text_width(predicted_class, 13.0)) / 2.0);
    Some(canvas.finish((left + side + 20.0).max(words + 2.0), top + side + below + 43.0, title))
}

#[cfg(test)]
mod tests {
    use super::super::canvas::places;
    use super::*;

    #[test]
    fn counts_stand_in_their_cells() {
        let classes = ["cat".to_owned(), "<dog>".to_owned()];
        let svg = confusion_matrix("5.2", &classes, &[480, 20, 0, 500]).unwrap();
        assert!(svg.contains("cat taken for &lt;dog&gt;: 20") && svg.contains(">480<"));
        assert_eq!(svg.matches("class=\"heat\"").count(), 2);
        assert!(!svg.contains(">0<"), "an empty cell stays empty");
    }

    #[test]
    fn numbers_that_do_not_fit_make_no_chart() {
        let classes = vec!["a".to_owned(); 2];
        assert!(confusion_matrix("", &classes, &[1; 3]).is_none());
        assert!(confusion_matrix("", &[], &[]).is_none());
        assert!(confusion_matrix("", &vec![String::new(); 101], &[0; 101 * 101]).is_none());
        assert!(!confusion_matrix("", &classes, &[0; 4]).unwrap().contains("NaN"));
    }

    #[test]
    fn names_and_counts_never_lie_over_each_other() {
        let alike = |name: &str, n: usize| vec![name.to_owned(); n];
        let numbered = |n: usize| (0..n).map(|class| class.to_string()).collect::<Vec<_>>();
        let long = "an uncommonly long name of a class";
        let cases = [
            vec!["pointed-eared".to_owned(), "round-eared".to_owned()],
            numbered(10),
            numbered(100),
            alike("cat", 1),
            alike("pointed-eared", 5),
            alike("a", 20),
            alike(long, 2),
            alike(long, 10),
            alike("golden retriever", 100),
        ];
        for classes in cases {
            for count in [1, 480, 12_345] {
                let counts = vec![count; classes.len() * classes.len()];
                let svg = confusion_matrix("Confusion matrix", &classes, &counts).unwrap();
                places::are_apart(&svg);
                assert!(
                    svg.contains(&format!("{0} taken for {0}", classes[0])),
                    "whole names are under the pointer"
                );
            }
        }
        let svg = confusion_matrix("", &alike(long, 2), &[1; 4]).unwrap();
        assert!(svg.contains(">an uncommonly l…<"), "{svg}");
        // Two names that fit side by side are not turned.
        let two = confusion_matrix("", &alike("pointed-eared", 2), &[1; 4]).unwrap();
        assert_eq!((two.matches("rotate").count(), svg.matches("rotate").count()), (1, 1));
    }
}
