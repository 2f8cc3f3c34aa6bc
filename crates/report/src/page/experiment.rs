//! One experiment's section: where its pictures came from, its numbers, curves and figures.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Provenance, anchor, cells, families, heading, inline, memory, time};
use crate::{Experiment, Results, Status, chart, words};

/// A drawing wider than this is scrolled on a narrow screen: made to fit, its words could not be read.
const NARROW_SCREEN: u32 = 520;

/// A figure wider than this gets the whole line.
const HALF_LINE: u32 = 480;

/// The section of `experiment`.
pub(super) fn section(
    results: &Results,
    experiment: &Experiment,
    figures: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Markup {
    let provenance = Provenance::of(results, experiment);
    let mut drawn = curves(experiment, &provenance);
    let shown =
        |path: &String| figure(experiment, &Provenance::of_figure(results, experiment, path), path, figures);
    drawn.extend(experiment.figures.iter().map(shown));
    html! {
        section id=(anchor(experiment)) {
            h2 { (heading(experiment)) }
            p.provenance {
                (provenance.badge())
                @if let Provenance::Known(source) = &provenance { " " (source.origin) }
            }
            @if experiment.settings.is_some() || experiment.base.is_some() {
                p.settings {
                    @if let Some(base) = &experiment.base { "Built on " (base) ". " }
                    @if let Some(settings) = &experiment.settings {
                        @if experiment.history.is_empty() { "Settings: " } @else { "Training: " }
                        (settings) "."
                    }
                }
            }
            @match experiment.status {
                Status::Done => {}
                status => p class=(format!("notice {}", status.word())) {
                    strong { (if status == Status::Failed { "Failed. " } else { "Skipped. " }) }
                    (experiment.error.as_deref().unwrap_or("No reason was recorded."))
                }
            }
            @if let Some(note) = &experiment.note { p.note { (note) } }
            (numbers(experiment))
            (lists(experiment))
            div.figures { (in_rows(drawn)) }
        }
    }
}

/// Every number of the experiment, in words.
fn numbers(experiment: &Experiment) -> Markup {
    let (families, mut metrics) = families::of(&experiment.metrics);
    metrics.sort_by_key(|(name, _)| !words::is_share(name)); // accuracies first
    let mut facts: Vec<(String, String)> =
        metrics.into_iter().map(|(name, value)| (words::name(name), words::metric(name, value))).collect();
    let mut add =
        |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    if experiment.status != Status::Skipped {
        add("time", Some(time(experiment.seconds)));
        add("peak memory", experiment.peak_mib.map(memory));
        add("instructions", experiment.isa.clone());
        add("convolution", experiment.convolution.clone());
        add("threads", experiment.threads.map(|threads| threads.to_string()));
    }
    html! {
        @if !facts.is_empty() {
            dl.numbers { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
        }
        @if !families.is_empty() {
            div.families { @for family in &families { div.scroll { (family.table()) } } }
        }
    }
}

/// What the set is called on which each epoch was measured.
fn validation(experiment: &Experiment) -> &str {
    experiment.validation_name.as_deref().unwrap_or("validation")
}

/// A list of this length is shown at once; a longer one is opened by the reader.
const SHORT_LIST: usize = 8;

/// The lists of names, each under what they are.
fn lists(experiment: &Experiment) -> Markup {
    html! {
        @for (what, names) in experiment.lists.iter().filter(|(_, names)| !names.is_empty()) {
            details.list open[names.len() <= SHORT_LIST] {
                summary { (what) " (" (words::count(names.len() as u64)) ")" }
                ul { @for name in names { li { (name) } } }
            }
        }
    }
}

/// What stands in a figure, and whether it takes the whole line.
struct Drawn {
    content: Markup,
    wide: bool,
}

/// Two narrow figures stand in a row; one without a neighbour takes the whole line, so that no half of it stays empty.
fn in_rows(mut drawn: Vec<Drawn>) -> Markup {
    let mut number = 0;
    while number < drawn.len() {
        let has_neighbour = drawn.get(number + 1).is_some_and(|next| !next.wide);
        if !drawn[number].wide && has_neighbour {
            number += 2;
        } else {
            drawn[number].wide = true;
            number += 1;
        }
    }
    html! { @for Drawn { content, wide } in &drawn { figure.wide[*wide] { (content) } } }
}

/// The learning curves of each model that the history tells of.
fn curves(experiment: &Experiment, provenance: &Provenance<'_>) -> Vec<Drawn> {
    let mut models: BTreeMap<&str, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for (name, values) in &experiment.history {
        let (model, series) = name.rsplit_once('/').unwrap_or(("", name));
        models.entry(model).or_default().insert(series.to_owned(), values.clone());
    }
    let validation = validation(experiment);
    let charts =
        models.iter().flat_map(|(model, history)| chart::curves(&words::name(model), history, validation));
    let drawn = charts.filter_map(|curves| {
        let (markup, width) = inline::figure(curves.svg.as_bytes(), "")?;
        let content = html! {
            div.curves data-curves=(curves.json) {
                (markup)
                div.tools {
                    label { "smoothing " input type="range" min="0" max="0.95" step="0.05" value="0"; span { "0.00" } }
                    output { "point at the chart to read its values" }
                }
            }
            figcaption { (reading(curves.what, validation)) " " (provenance.badge()) }
        };
        Some(Drawn { content, wide: width > HALF_LINE })
    });
    drawn.collect()
}

/// What to see in a learning curve.
fn reading(what: &str, validation: &str) -> String {
    match what {
        "accuracy" => {
            format!(
                "Shaded: training is ahead of {validation}. Where training goes on rising and {validation} does not, pictures are \
                 learnt by heart."
            )
        }
        _ => format!(
            "Shaded: training is ahead of {validation}. A {validation} loss that rises while training loss falls is overfitting."
        ),
    }
}

fn figure(
    experiment: &Experiment,
    provenance: &Provenance<'_>,
    path: &str,
    figures: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Drawn {
    let caption = experiment.captions.get(path).map(String::as_str).unwrap_or_default();
    let content = figures(path)
        .and_then(|bytes| inline::figure(&bytes, if caption.is_empty() { path } else { caption }));
    let (markup, width) = content.unwrap_or_else(|| {
        let missing = html! { p.missing { "The figure " code { (path) } " cannot be shown: it is missing or too large." } };
        (missing, 0)
    });
    let opened = experiment.cells.get(path).and_then(|cells| cells::dialog(cells, figures));
    let content = html! {
        @if let Some(opened) = &opened { div.matrix data-cells=(opened.json) { (markup) (opened.dialog) } }
        @else if width > NARROW_SCREEN && markup.0.starts_with("<svg") {
            div.scroll { (markup) }
        } @else { (markup) }
        figcaption {
            (caption) " "
            @if opened.is_some() { span.hint { "Click a cell to see its pictures. " } }
            (provenance.badge())
        }
    };
    Drawn { content, wide: width > HALF_LINE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataSource, Picture};

    #[test]
    fn each_model_has_its_curves_and_each_figure_its_caption() {
        let series = ["with_pooling/val_loss", "without_pooling/val_loss", "with_pooling/learning_rate"];
        let experiment = Experiment {
            id: "5.1.2".into(),
            figures: vec!["figures/a.png".into(), "figures/gone.svg".into()],
            captions: BTreeMap::from([("figures/a.png".into(), "Look here.".into())]),
            history: series.iter().map(|&name| (name.to_owned(), vec![1.0, 0.5])).collect(),
            ..Experiment::default()
        };
        let png = Picture::new(600, 1, 1, vec![0; 600]).unwrap().to_png().unwrap();
        let markup =
            section(&Results::default(), &experiment, &|path| (path == "figures/a.png").then(|| png.clone()));
        assert_eq!(markup.0.matches("<svg").count(), 2);
        assert!(markup.0.contains("with pooling: loss") && markup.0.contains("without pooling: loss"));
        assert!(markup.0.contains("Look here.") && markup.0.contains("<figure class=\"wide\">"));
        assert!(markup.0.contains("<code>figures/gone.svg</code> cannot be shown"));
    }

    #[test]
    fn a_wide_drawing_scrolls_and_a_picture_shrinks() {
        let experiment = Experiment {
            figures: vec!["a.svg".into(), "b.svg".into(), "c.png".into()],
            ..Experiment::default()
        };
        let png = Picture::new(900, 1, 1, vec![0; 900]).unwrap().to_png().unwrap();
        let markup = section(&Results::default(), &experiment, &|path| {
            Some(match path {
                "a.svg" => chart::Canvas::new().finish(912.0, 10.0, "wide").into_bytes(),
                "b.svg" => chart::Canvas::new().finish(400.0, 10.0, "narrow").into_bytes(),
                _ => png.clone(),
            })
        });
        assert_eq!(markup.0.matches("<div class=\"scroll\">").count(), 1);
        assert!(markup.0.contains("<div class=\"scroll\"><svg"), "{}", markup.0);
    }

    #[test]
    fn curves_name_the_set_that_was_measured() {
        let experiment = Experiment {
            history: BTreeMap::from([("val_loss".into(), vec![1.0, 0.5])]),
            validation_name: Some("<test>".into()),
            ..Experiment::default()
        };
        let markup = section(&Results::default(), &experiment, &|_| None).0;
        assert!(markup.contains("A &lt;test&gt; loss that rises") && markup.contains(">&lt;test&gt;</text>"));
        assert!(!markup.contains("validation"), "{markup}");
    }

    #[test]
    fn a_figure_of_other_pictures_says_so() {
        let source =
            |title: &str, generated| DataSource { title: title.into(), generated, origin: String::new() };
        let data = [("pets", source("cats and dogs", false)), ("scenes", source("painted scenes", true))];
        let results =
            Results { data: data.map(|(name, source)| (name.into(), source)).into(), ..Results::default() };
        let sources = [("b.png", Some("scenes")), ("c.png", None), ("d.png", Some("<gone>"))];
        let experiment = Experiment {
            data: Some("pets".into()),
            figures: ["a.png", "b.png", "c.png", "d.png"].map(Into::into).into(),
            sources: sources.map(|(path, source)| (path.into(), source.map(Into::into))).into(),
            ..Experiment::default()
        };
        let markup = section(&results, &experiment, &|_| None).0;
        let captions: Vec<_> = markup.split("<figcaption>").skip(1).collect();
        assert!(captions[0].contains("real data: cats and dogs"), "{markup}");
        assert!(captions[1].contains("generated data: painted scenes") && !captions[1].contains("cats"));
        assert!(!captions[2].contains("badge"), "of no pictures: {markup}");
        assert!(captions[3].contains("unknown data: &lt;gone&gt;") && !captions[3].contains("cats"));
    }

    #[test]
    fn a_skipped_experiment_says_why() {
        let experiment = Experiment {
            id: "5.2".into(),
            status: Status::Skipped,
            error: Some("only in profile book".into()),
            ..Experiment::default()
        };
        let markup = section(&Results::default(), &experiment, &|_| None);
        assert!(markup.0.contains("Skipped. ") && markup.0.contains("only in profile book"));
        assert!(!markup.0.contains("<dt>time</dt>"));
    }

    #[test]
    fn a_narrow_figure_without_a_neighbour_takes_the_line() {
        let wide = |widths: &[bool]| {
            let drawn = widths.iter().map(|&wide| Drawn { content: html! {}, wide });
            let rows = in_rows(drawn.collect()).0;
            rows.split("<figure").skip(1).map(|figure| figure.contains("wide")).collect::<Vec<_>>()
        };
        assert_eq!(wide(&[false, false]), [false, false]);
        assert_eq!(wide(&[false, false, false]), [false, false, true]);
        assert_eq!(wide(&[false, true, false, false, true]), [true, true, false, false, true]);
        assert_eq!(wide(&[]), [false; 0]);
    }

    #[test]
    fn lists_are_named_and_long_ones_closed() {
        let names = |n: usize| (0..n).map(|i| format!("cat.{i}.jpg")).collect::<Vec<_>>();
        let lists = [("left out", 2), ("look the same", 40), ("nothing", 0)];
        let experiment = Experiment {
            lists: lists.iter().map(|&(what, n)| (what.to_owned(), names(n))).collect(),
            ..Experiment::default()
        };
        let markup = section(&Results::default(), &experiment, &|_| None).0;
        assert_eq!((markup.matches("<details").count(), markup.matches(" open").count()), (2, 1), "{markup}");
        assert!(markup.contains("left out (2)") && markup.contains("<li>cat.39.jpg</li>"), "{markup}");
    }
}
