//! The alive section: the digits network inside the page, and a field to draw on. `script/live.js` fills it.

use maud::{Markup, PreEscaped, html};

use super::{Network, Provenance, anchor};
use crate::{Results, Status};

/// The section where `network` can be run by the page, else one line on why it is not there.
pub(super) fn section(results: &Results, network: Option<&Network>) -> Markup {
    let Some((network, json)) = network.and_then(|network| Some((network, network.json()?))) else {
        return absent(results);
    };
    let experiment = results.experiments.iter().find(|experiment| experiment.id == network.experiment);
    let learned_from = experiment.map(|experiment| Provenance::of(results, experiment).badge());
    html! {
        section.live #live {
            h2 { "Draw a digit" }
            p {
                "The network of "
                @match experiment {
                    Some(experiment) => a href=(format!("#{}", anchor(experiment))) { (experiment.id) },
                    None => (network.experiment),
                }
                " is inside this page, its weights rounded to 16 bits. Draw with the mouse or a finger: every layer and every class "
                "follows the stroke. "
                @if let Some(badge) = &learned_from { "It learned from " (badge) }
            }
            noscript { p.notice { "This section needs JavaScript, which is switched off here." } }
            div.draw {
                (field())
                (answers())
                (movements())
            }
            h3 { "What each layer makes of it" }
            p.hint { "Each map is what one filter finds. Click a pixel of a map, or a class, to see the sum that makes its value." }
            div.layers {}
            div.explained aria-live="polite" {}
            (window())
            script type="application/json" id="live-network" { (PreEscaped(json)) }
        }
    }
}

fn absent(results: &Results) -> Markup {
    let ran = results.experiments.iter().any(|e| e.id == "5.1" && e.status == Status::Done);
    html! {
        @if !results.experiments.is_empty() {
            p.notice {
                @if ran { "The trained network of 5.1 is not beside this page, so there is no field to draw on: run 5.1 again." }
                @else { "With experiment 5.1 the trained network would be inside this page, to draw digits for: it was not run." }
            }
        }
    }
}

fn field() -> Markup {
    html! {
        div.field {
            canvas.pad width="560" height="560" aria-label="field to draw a digit on" {}
            div.row {
                button.clear type="button" { "Clear" }
                label { input type="checkbox" name="centre" checked; " centred and scaled as MNIST's digits were" }
            }
        }
    }
}

fn answers() -> Markup {
    html! {
        div.answer {
            div.row.sees { canvas.seen {} span { "what the network sees: 28 × 28 numbers" } }
            div.classes {}
        }
    }
}

/// Sliders for shifts and turns, each with how sure the network stays over the whole range.
fn movements() -> Markup {
    let slider = |name: &str, words: &str, least: i32, most: i32| {
        html! {
            div.slider {
                label for=(format!("live-{name}")) { (words) }
                input id=(format!("live-{name}")) type="range" name=(name) min=(least) max=(most) value="0";
                output { "0" }
                svg viewBox="0 -1 100 32" preserveAspectRatio="none" aria-hidden="true" { polyline points="" {} }
            }
        }
    };
    html! {
        div.moved {
            (slider("right", "shift to the right, pixels", -10, 10))
            (slider("down", "shift down, pixels", -10, 10))
            (slider("degrees", "turn, degrees", -180, 180))
            p.hint {
                "Under each slider: the share that the network gives to “" span.tried {} "” over the whole range. Small shifts are borne, "
                "as pooling forgets exact places; turns are not, unless training showed them: on its head a 6 is a 9."
            }
        }
    }
}

/// Kernel size, stride and padding, and the shape that comes of them.
fn window() -> Markup {
    let slider = |name: &str, words: &str, least: u32, most: u32, step: u32, value: u32| {
        html! {
            div.slider {
                label for=(format!("live-{name}")) { (words) }
                input id=(format!("live-{name}")) type="range" name=(name) min=(least) max=(most) step=(step) value=(value);
                output { (value) }
            }
        }
    };
    html! {
        div.window {
            h3 { "Kernel size, stride and padding" }
            div.pair {
                canvas data-padded="true" width="420" height="420" aria-label="the drawing with its padding and the window" {}
                canvas width="420" height="420" aria-label="the output" {}
                div.controls {
                    (slider("size", "kernel size", 1, 11, 2, 3))
                    (slider("stride", "stride", 1, 4, 1, 1))
                    div.slider { label { input type="checkbox" name="same"; " padding “same”" } }
                    p.formula { "⌊(side + padding − kernel) ÷ stride⌋ + 1" br; output {} }
                    p.hint {
                        "Left your drawing, padding grey; right what a filter for upright edges makes of it. Point at a number of the output "
                        "to see its window."
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::sample;
    use super::*;
    use crate::Experiment;

    #[test]
    fn without_a_network_one_line_says_why() {
        let of = |id: &str| {
            let experiment = Experiment { id: id.into(), ..Experiment::default() };
            let results = Results { experiments: vec![experiment], ..Results::default() };
            section(&results, None).0
        };
        assert!(of("5.2.4").contains("it was not run") && !of("5.2.4").contains("<section"));
        assert!(of("5.1").contains("run 5.1 again"));
        let broken = Network { weights: vec![], ..sample() };
        assert!(!section(&Results::default(), Some(&broken)).0.contains("<section"));
    }

    #[test]
    fn the_network_stands_in_the_page_as_data() {
        let markup = section(&Results::default(), Some(&sample())).0;
        assert_eq!(markup.matches("</script>").count(), 1, "a class of that name does not end the element");
        assert!(markup.contains(r#"<script type="application/json" id="live-network">{"input":[28,28,1]"#));
    }
}
