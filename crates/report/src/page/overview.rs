//! What concerns the whole run: its circumstances, the table of book and ours, and what it cost.

use maud::{Markup, html};

use super::{Provenance, anchor, heading, memory, time};
use crate::{Experiment, Results, Status, words};

/// The title and the circumstances of the run.
pub(super) fn header(results: &Results) -> Markup {
    let machine = &results.machine;
    let distinct = |of: fn(&Experiment) -> Option<&str>| {
        let mut found: Vec<_> = results.experiments.iter().filter_map(of).collect();
        found.sort_unstable();
        found.dedup();
        found.join(", ")
    };
    let mut facts = vec![
        ("profile", results.profile.clone()),
        ("seed", results.seed.to_string()),
        ("threads", results.threads.to_string()),
        ("instructions", distinct(|experiment| experiment.isa.as_deref())),
        ("convolution", distinct(|experiment| experiment.convolution.as_deref())),
        ("processor", machine.cpu.clone()),
        ("cores", machine.cores.to_string()),
        ("memory", machine.memory_mib.map(memory).unwrap_or_default()),
        ("system", machine.system.clone()),
        ("program", results.program.clone().unwrap_or_default()),
    ];
    facts.retain(|(_, value)| !value.is_empty() && value != "0");
    let of = |status| results.experiments.iter().filter(|experiment| experiment.status == status).count();
    let spent: f64 = results.experiments.iter().map(|e| e.seconds).filter(|s| s.is_finite()).sum();
    html! {
        header {
            p.kicker { "Deep Learning with R" }
            h1 { "Chapter 5, reproduced" }
            p.lead {
                "Convolutional networks, from the first convolution to what they see: "
                (of(Status::Done)) " of " (results.experiments.len()) " experiments done"
                @for (status, word) in [(Status::Failed, "failed"), (Status::Skipped, "skipped")] {
                    @if of(status) > 0 { ", " (of(status)) " " (word) }
                }
                ", in " (time(spent)) "."
                @if let Some(when) = &results.when { " Finished " time datetime=(when) { (moment(when)) } "." }
            }
            dl.facts { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

/// `2026-11-24T20:50:53Z` as `2026-11-24 20:50 UTC`; any other text as it is.
fn moment(when: &str) -> String {
    match (when.get(..10), when.get(10..11), when.get(11..16), when.strip_suffix('Z')) {
        (Some(day), Some("T"), Some(time), Some(_)) => format!("{day} {time} UTC"),
        _ => when.to_owned(),
    }
}

/// Said first, so that nobody takes a drawn digit for a written one.
pub(super) fn warning(results: &Results) -> Markup {
    let used = |experiment: &&Experiment| {
        let mut figures = experiment.sources.keys();
        Provenance::of(results, experiment).is_generated()
            || figures.any(|path| Provenance::of_figure(results, experiment, path).is_generated())
    };
    let ids: Vec<_> =
        results.experiments.iter().filter(used).map(|experiment| experiment.id.as_str()).collect();
    html! {
        @if !ids.is_empty() {
            p.notice.generated {
                strong { "Generated data. " }
                "The pictures of " (ids.join(", ")) " were made by a program, not taken from the real set. "
                "These figures show that everything works; they are not comparable with the book's."
            }
        }
        @if results.profile != "book" && !results.profile.is_empty() {
            p.notice {
                strong { "Profile " (results.profile) ". " }
                "Less is trained, painted and measured than in the book; "
                code { "--profile book" } " runs the chapter's exact settings."
            }
        }
    }
}

/// The table: what the book prints, what was found here, and why they differ.
pub(super) fn comparison(results: &Results) -> Markup {
    if results.experiments.is_empty() {
        return html! { p.notice { "No experiment was run." } };
    }
    html! {
        section {
            h2 { "The book and ours" }
            div.scroll {
                table.comparison {
                    thead { tr {
                        th { "Experiment" } th { "Figure" } th.number { "Book" } th.number { "Ours" } th { "Why they differ" }
                    } }
                    tbody { @for experiment in &results.experiments { (rows(results, experiment)) } }
                }
            }
        }
    }
}

/// One row per figure of the book; where it prints no accuracy, one for the experiment's main result.
///
/// Figures of the smoke run are of a few pictures and steps, whatever the pictures are: they are not compared.
fn rows(results: &Results, experiment: &Experiment) -> Markup {
    let provenance = Provenance::of(results, experiment);
    let comparable = provenance.comparable() && results.profile != "smoke";
    let mut names = experiment.headline();
    names.extend(experiment.book.keys().map(String::as_str).filter(|name| !words::is_share(name)));
    let span = names.len().max(1);
    let first = html! {
        th scope="row" rowspan=(span) {
            a href=(format!("#{}", anchor(experiment))) { (heading(experiment)) }
            div { (provenance.badge()) }
            @if let Some(settings) = &experiment.settings { div.settings { (settings) } }
        }
    };
    let why = html! {
        td.why rowspan=(span) {
            @if experiment.status != Status::Done || experiment.error.is_some() {
                div.note {
                    strong class=(experiment.status.word()) { (experiment.status.word()) }
                    @if let Some(error) = &experiment.error { ": " (error) }
                }
            }
            @if experiment.book.is_empty() && experiment.note.is_none() && experiment.error.is_none() {
                span.soft { "The book prints no figure." }
            }
            // The style cuts long ones short: the whole stands in the experiment's own section.
            @if let Some(note) = &experiment.note { div.note { (note) } }
        }
    };
    html! {
        @if names.is_empty() {
            tr { (first) td.soft colspan="3" { @if experiment.status == Status::Done { "shown below" } } (why) }
        }
        @for (number, name) in names.iter().enumerate() {
            tr {
                @if number == 0 { (first) }
                td { (words::name(name)) }
                td.number { @match experiment.book.get(*name) {
                    Some(&range) => (words::book(name, range)),
                    None => span.soft { "–" },
                } }
                td.number { @match experiment.metrics.get(*name) {
                    Some(&value) => {
                        strong { (words::metric(name, value)) }
                        @if let Some(&range) = experiment.book.get(*name) {
                            div.verdict { (verdict(name, value, range, comparable || words::is_of_the_network(name))) }
                        }
                    }
                    None => span.soft { "–" },
                } }
                @if number == 0 { (why) }
            }
        }
    }
}

/// Where our figure lies with respect to the book's.
fn verdict(name: &str, value: f64, [low, high]: [f64; 2], comparable: bool) -> String {
    if !comparable {
        return "not comparable".to_owned();
    }
    let (distance, side) = if value < low {
        (low - value, "below")
    } else if value > high {
        (value - high, "above")
    } else if value.is_nan() {
        return String::new();
    } else {
        return if low == high { "as in the book" } else { "within the book's range" }.to_owned();
    };
    if words::is_share(name) {
        format!("{:.2} points {side}", distance * 100.0)
    } else {
        format!("{} {side}", words::metric(name, distance))
    }
}

/// Time and peak memory as foreseen and as they were.
pub(super) fn costs(results: &Results) -> Markup {
    let ran: Vec<_> = results.experiments.iter().filter(|e| e.status != Status::Skipped).collect();
    let ratio = |experiment: &Experiment| {
        let predicted = experiment.predicted_seconds.filter(|seconds| *seconds > 0.0)?;
        experiment.seconds.is_finite().then(|| format!("{:.2}×", experiment.seconds / predicted))
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    html! {
        @if !ran.is_empty() {
            section {
                h2 { "What it cost" }
                div.scroll {
                    table {
                        thead { tr {
                            th { "Experiment" } th.number { "Time, predicted" } th.number { "Took" } th.number { "Ratio" }
                            th.number { "Peak memory, predicted" } th.number { "Was" }
                        } }
                        tbody { @for experiment in ran { tr {
                            th scope="row" { span.id { (experiment.id) } }
                            td.number { (or_dash(experiment.predicted_seconds.map(time))) }
                            td.number { (time(experiment.seconds)) }
                            td.number { (or_dash(ratio(experiment))) }
                            td.number { (or_dash(experiment.predicted_mib.map(memory))) }
                            td.number { (or_dash(experiment.peak_mib.map(memory))) }
                        } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_measure_the_distance_to_the_range() {
        let verdict = |value| verdict("test_accuracy", value, [0.991, 0.993], true);
        assert_eq!(verdict(0.9888), "0.22 points below");
        assert_eq!(verdict(0.9945), "0.15 points above");
        assert_eq!(verdict(0.993), "within the book's range");
        assert_eq!(verdict(f64::NAN), "");
        assert_eq!(super::verdict("parameters", 93_321.0, [93_322.0; 2], true), "1 below");
    }

    #[test]
    fn moments_are_shortened_only_where_they_are_moments() {
        assert_eq!(moment("2026-11-24T20:50:53Z"), "2026-11-24 20:50 UTC");
        for other in ["", "yesterday", "ééééééééé", "2026-11-24T"] {
            assert_eq!(moment(other), other);
        }
    }

    #[test]
    fn what_was_foreseen_stands_beside_what_was() {
        let experiment = Experiment {
            id: "5.1".into(),
            seconds: 90.0,
            predicted_seconds: Some(60.0),
            peak_mib: Some(77.0),
            predicted_mib: Some(100.0),
            ..Experiment::default()
        };
        let results = Results { experiments: vec![experiment, Experiment::default()], ..Results::default() };
        let table = costs(&results).0;
        let cells: Vec<_> = table
            .split("<td class=\"number\">")
            .skip(1)
            .map(|cell| cell.split('<').next().unwrap().replace('\u{a0}', " "))
            .collect();
        assert_eq!(cells[..5], ["1 min 00 s", "1 min 30 s", "1.50×", "100 MiB", "77 MiB"]);
        assert_eq!(cells[5..], ["–", "0.0 s", "–", "–", "–"]);
    }

    #[test]
    fn results_of_several_models_have_a_row_each() {
        let names =
            ["with_pooling_test_accuracy", "without_pooling_test_accuracy", "without_pooling_coefficients"];
        let experiment = Experiment {
            metrics: names.iter().map(|name| ((*name).to_owned(), 0.5)).collect(),
            book: [("without_pooling_coefficients".to_owned(), [30_976.0; 2])].into(),
            ..Experiment::default()
        };
        let table = rows(&Results::default(), &experiment).0;
        let place = |name: &str| table.find(&format!("<td>{}</td>", words::name(name))).expect(name);
        assert!(names.map(place).is_sorted());
        assert_eq!(table.matches("rowspan=\"3\"").count(), 2);
    }
}
