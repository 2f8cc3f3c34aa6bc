//! `index.html`: one self-contained page about a run, without any outside request.

mod cells;
mod experiment;
mod families;
mod inline;
mod live;
mod network;
mod overview;
mod script;

pub use network::{LayerKind, Network, NetworkActivation, NetworkLayer};

use std::cell::Cell;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::results::check_figure;
use crate::{DataSource, Experiment, Results, Status, chart, words};

/// The page's own style; that of the charts follows it.
const STYLE: &str = concat!(include_str!("page.css"), include_str!("live.css"));

/// A figure that is larger does not belong into a page.
const LARGEST_FIGURE: u64 = 32 << 20;

/// Together figures take no more than this, so that a browser can open the page.
const LARGEST_SUM: usize = 128 << 20;

/// The whole page as text.
///
/// `figures` gives the bytes of a figure by its path in the results, or `None` if there is none; [`figures_in`] reads
/// them from a folder. Learning curves are drawn from each experiment's history. With `network` the page has a field to draw
/// digits on. All words are escaped.
pub fn render(
    results: &Results,
    figures: &dyn Fn(&str) -> Option<Vec<u8>>,
    network: Option<&Network>,
) -> String {
    let room = Cell::new(LARGEST_SUM);
    let figures = |path: &str| {
        let bytes = figures(path)?;
        room.set(room.get().checked_sub(bytes.len())?);
        Some(bytes)
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(script::policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "Chapter 5, reproduced" }
                style { (PreEscaped(STYLE)) (PreEscaped(chart::STYLE)) }
            }
            body {
                (overview::header(results))
                main {
                    (overview::warning(results))
                    (overview::comparison(results))
                    (live::section(results, network))
                    @for experiment in &results.experiments {
                        (experiment::section(results, experiment, &figures))
                    }
                    (overview::costs(results))
                }
                footer {
                    "Every number on this page is in "
                    code { "results.json" }
                    " beside it. Accuracies are shares of pictures classified correctly."
                }
                (script::element())
            }
        }
    };
    page.into_string()
}

/// The plain file at `path` below `folder`; `None` where there is none, or where it or a folder on the way is a link that leads
/// out of `folder`.
pub fn inside(folder: &Path, path: impl AsRef<Path>) -> Option<PathBuf> {
    let found = folder.join(path).canonicalize().ok()?;
    // A pipe would be waited for without end.
    (found.starts_with(folder.canonicalize().ok()?) && found.metadata().ok()?.is_file()).then_some(found)
}

/// A reader of figures below `folder`, for [`render`]; a path that would lead out of it gives nothing.
pub fn figures_in(folder: impl Into<PathBuf>) -> impl Fn(&str) -> Option<Vec<u8>> {
    let folder = folder.into();
    move |figure| {
        check_figure(figure).ok()?;
        let path = inside(&folder, figure)?;
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(LARGEST_FIGURE + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= LARGEST_FIGURE).then_some(bytes)
    }
}

/// Which pictures an experiment used, as far as the file says.
enum Provenance<'a> {
    /// It needed none, or was not run.
    None,
    /// The file names a set that it does not describe.
    Unknown(&'a str),
    Known(&'a DataSource),
}

impl<'a> Provenance<'a> {
    fn of(results: &'a Results, experiment: &'a Experiment) -> Self {
        let Some(name) = experiment.data.as_deref().filter(|_| experiment.status != Status::Skipped) else {
            return Self::None;
        };
        Self::named(results, name)
    }

    /// The pictures of one figure, which may be others than the experiment's.
    fn of_figure(results: &'a Results, experiment: &'a Experiment, path: &str) -> Self {
        match experiment.sources.get(path) {
            None => Self::of(results, experiment),
            Some(None) => Self::None,
            Some(Some(name)) => Self::named(results, name),
        }
    }

    fn named(results: &'a Results, name: &'a str) -> Self {
        results.data.get(name).map_or(Self::Unknown(name), Self::Known)
    }

    /// The badge that stands beside every figure of the experiment.
    fn badge(&self) -> Markup {
        html! {
            @match self {
                Self::None => {}
                Self::Unknown(name) => span.badge.unknown { "unknown data: " (name) }
                Self::Known(source) if source.generated => span.badge.generated { "generated data: " (source.title) }
                Self::Known(source) => span.badge.real { "real data: " (source.title) }
            }
        }
    }

    /// Whether a program made them.
    fn is_generated(&self) -> bool {
        matches!(self, Self::Known(source) if source.generated)
    }

    /// Whether its figures may stand beside the book's.
    fn comparable(&self) -> bool {
        matches!(self, Self::Known(source) if !source.generated)
    }
}

/// The id and title in one line.
fn heading(experiment: &Experiment) -> Markup {
    html! {
        span.id { (experiment.id) }
        @if let Some(title) = &experiment.title { " " (title) }
    }
}

/// The place of an experiment's section.
fn anchor(experiment: &Experiment) -> String {
    format!("experiment-{}", experiment.id)
}

/// Bytes in the unit that fits.
fn memory(mib: f64) -> String {
    if mib >= 10_240.0 { format!("{:.0} GiB", mib / 1024.0) } else { format!("{} MiB", words::rate(mib)) }
}

/// A span of time that is not broken between a number and its unit.
fn time(seconds: f64) -> String {
    words::seconds(seconds).replace(' ', "\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;
    use std::collections::BTreeMap;

    const EVIL: &str = "<script>alert(\"evil\")</script>'&";

    fn hostile() -> Results {
        let text = || Some(EVIL.to_owned());
        let experiment = Experiment {
            id: EVIL.into(),
            title: text(),
            status: Status::Failed,
            data: Some("set".into()),
            base: text(),
            isa: text(),
            convolution: text(),
            note: text(),
            error: text(),
            metrics: BTreeMap::from([(EVIL.to_owned(), 1.0), ("test_accuracy".into(), f64::NAN)]),
            book: BTreeMap::from([(EVIL.to_owned(), [1.0, 2.0])]),
            figures: vec![format!("{EVIL}.svg"), "a.png".into(), "b.svg".into()],
            captions: BTreeMap::from([("a.png".into(), EVIL.into())]),
            lists: BTreeMap::from([(EVIL.to_owned(), vec![EVIL.to_owned()])]),
            history: BTreeMap::from([(format!("{EVIL}/val_loss"), vec![1.0, f64::INFINITY])]),
            seconds: f64::NAN,
            ..Experiment::default()
        };
        let source = DataSource { title: EVIL.into(), generated: true, origin: EVIL.into() };
        Results {
            when: text(),
            profile: EVIL.into(),
            data: BTreeMap::from([("set".into(), source)]),
            experiments: vec![experiment],
            ..Results::default()
        }
    }

    #[test]
    fn no_word_of_the_file_becomes_markup() {
        let page = render(&hostile(), &|_| Some(format!("<svg>{EVIL}</svg>").into_bytes()), None);
        assert!(!page.contains("\"evil\""));
        assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_network_adds_data_and_no_other_script() {
        let page = render(&hostile(), &|_| None, Some(&network::tests::sample()));
        assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (2, 2));
        assert_eq!(page.matches("<script type=\"application/json\"").count(), 1);
        assert_eq!(page.matches("script-src 'sha256-").count(), 1);
    }

    #[test]
    fn nothing_is_loaded_from_outside() {
        let page = render(&hostile(), &|_| None, None);
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "src=\"/", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    fn one(data: Option<&str>, generated: bool) -> String {
        of_profile("book", data, generated)
    }

    fn of_profile(profile: &str, data: Option<&str>, generated: bool) -> String {
        let experiment = Experiment {
            id: "5.1".into(),
            data: data.map(str::to_owned),
            metrics: BTreeMap::from([("test_accuracy".into(), 0.9888), ("parameters".into(), 93_321.0)]),
            book: BTreeMap::from([
                ("test_accuracy".into(), [0.991, 0.993]),
                ("parameters".into(), [93_322.0; 2]),
            ]),
            ..Experiment::default()
        };
        let source = DataSource { title: "digits".into(), generated, origin: String::new() };
        let data = BTreeMap::from([("set".to_owned(), source)]);
        let profile = profile.into();
        let results = Results { profile, data, experiments: vec![experiment], ..Results::default() };
        render(&results, &|_| None, None)
    }

    #[test]
    fn a_smoke_run_is_never_compared_with_the_book() {
        assert!(of_profile("quick", Some("set"), false).contains("0.22 points below"));
        let page = of_profile("smoke", Some("set"), false);
        assert!(
            page.contains("98.88 %") && page.contains("not comparable") && !page.contains("points below")
        );
        assert!(page.contains("1 below"), "parameters are the same after any training");
    }

    #[test]
    fn generated_data_is_never_compared_with_the_book() {
        let real = one(Some("set"), false);
        assert!(real.contains("real data: digits") && real.contains("0.22 points below"));
        for page in [one(Some("set"), true), one(Some("other"), false), one(None, false)] {
            assert!(!page.contains("points below") && !page.contains("real data"), "{page}");
            assert!(page.contains("98.88 %") && page.contains("not comparable"));
            assert!(page.contains("1 below"), "parameters are the same on any pictures");
        }
        assert!(one(Some("set"), true).contains("generated data: digits"));
        assert!(one(Some("set"), true).contains("made by a program"), "said at the top too");
    }

    #[test]
    fn figures_stay_below_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret.png"), b"secret").unwrap();
        std::fs::write(inside.join("a.png"), b"picture").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a.png", inside.join("link.png")).unwrap();
            std::os::unix::fs::symlink("../secret.png", inside.join("out.png")).unwrap();
            std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
            let figures = figures_in(&inside);
            assert_eq!(figures("link.png").as_deref(), Some(b"picture".as_slice()));
            assert_eq!(
                (figures("out.png"), figures("up/secret.png")),
                (None, None),
                "links lead out of the folder"
            );
        }
        let figures = figures_in(inside);
        assert_eq!(figures("a.png").as_deref(), Some(b"picture".as_slice()));
        assert_eq!(figures("../secret.png"), None);
        assert_eq!(figures("none.png"), None);
    }

    #[test]
    fn the_page_stays_of_a_size_that_opens() {
        let experiment = Experiment { figures: vec!["a.png".into(); 5], ..Experiment::default() };
        let results = Results { experiments: vec![experiment], ..Results::default() };
        let mut png = Picture::new(1, 1, 1, vec![0]).unwrap().to_png().unwrap();
        png.resize(LARGEST_SUM / 3, 0);
        let page = render(&results, &|_| Some(png.clone()), None);
        assert_eq!((page.matches("<img").count(), page.matches("cannot be shown").count()), (3, 2));
    }

    #[test]
    fn an_empty_run_has_a_page() {
        let page = render(&Results::default(), &|_| None, None);
        assert!(page.ends_with("</html>") && page.contains("No experiment was run"));
    }
}
