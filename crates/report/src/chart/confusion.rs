//! The confusion matrix: which class was taken for which.

use super::canvas::{Anchor, Canvas, text_width};
use crate::words;

/// Above this number of classes counts no longer fit into the cells; they are still under the pointer.
const MOST_WITH_COUNTS: usize = 20;
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
    let cell = (380.0 / n as f64).clamp(7.0, 64.0);
    let side = cell * n as f64;
    let every = (16.0 / cell).ceil() as usize;
    let names = classes.iter().map(|name| text_width(name, 13.0)).fold(0.0, f64::max).min(120.0);
    let (left, top) = (48.0 + names, 46.0);
    let mut canvas = Canvas::new();
    canvas.text((16.0, 24.0), Anchor::Start, "head", title);
    canvas.text_upwards((26.0, top + side / 2.0), "soft", "true class");
    canvas.text((left + side / 2.0, top + side + 42.0), Anchor::Middle, "soft", "predicted class");
    for (truth, row) in counts.chunks_exact(n).enumerate() {
        let y = top + cell * truth as f64;
        let total = row.iter().map(|&count| count as f64).sum::<f64>();
        if truth % every == 0 {
            canvas.text((left - 8.0, y + cell / 2.0 + 4.5), Anchor::End, "", &classes[truth]);
            canvas.text(
                (left + cell * (truth as f64 + 0.5), top + side + 20.0),
                Anchor::Middle,
                "",
                &classes[truth],
            );
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
            if n <= MOST_WITH_COUNTS && count > 0 {
                let class = if shade > 0.5 { "small on" } else { "small" };
                let centre = (left + cell * (predicted as f64 + 0.5), y + cell / 2.0 + 4.0);
                canvas.text(centre, Anchor::Middle, class, &count.to_string());
            }
        }
    }
    Some(canvas.finish((left + side + 20.0).max(32.0 + text_width(title, 14.5)), top + side + 56.0, title))
}

#[cfg(test)]
mod tests {
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
}
