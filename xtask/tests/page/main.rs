//! The page in a browser: it draws, clicks and slides as a reader would, and is looked at in light, in dark, and on a phone. Without
//! Chromium there is nothing to try, and the tests say so.

mod browser;
mod looks;

use browser::{browser, driven, driven_page, dumped, smoke_page};
use convnet_autograd::Tape;
use convnet_layers::{LayerClasses, Model, Request, Tap};
use convnet_tensor::Tensor;
use serde_json::Value;
use std::fs;
use std::path::Path;

const DRIVER: &str = include_str!("driver.js");

fn numbers(json: &Value) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// Every layer's output from our own run, on the weights as the page has them.
fn ours(model: &Path, picture: &[f32], names: &[String]) -> Vec<Vec<f32>> {
    let mut model = Model::load(model, &LayerClasses::builtin()).unwrap();
    for parameter in model.parameters_mut() {
        for number in parameter.value.data_mut() {
            *number = half::f16::from_f32(*number).to_f32();
        }
    }
    let x = Tensor::from_slice([1, 28, 28, 1], picture).unwrap();
    let request = Request { taps_only: true, ..Request::taps(names.iter().map(Tap::output)) };
    let outputs = model.run(&mut Tape::new(), &x, &request).unwrap();
    outputs.taps.iter().map(|tap| tap.tensor().data().to_vec()).collect()
}

#[test]
fn a_reader_can_draw_click_and_slide() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let page = smoke_page(&out, &["--only", "5.1,5.1.1"]);
    let copy = folder.path().join("driven.html");
    fs::write(&copy, driven_page(&page, DRIVER)).unwrap();
    let (dom, console) = dumped(browser, &copy, folder.path(), &["--window-size=1200,1000"]);
    assert_eq!(console, "", "nothing is said on the console");
    let driven = driven(&dom);
    let none = Value::Array(Vec::new());
    for what in ["rejected", "blocked", "requests"] {
        assert_eq!(driven[what], none, "{what}");
    }
    assert_eq!(driven["broken"], 0, "every image loads");

    assert_eq!(driven["example"], "6", "what stands there before anybody draws");
    assert_eq!(driven["exampleTurned"], "9", "on its head it is another digit");
    assert_eq!(driven["answer"], "3", "a drawn 3 is recognised");
    let names: Vec<String> = serde_json::from_value(driven["names"].clone()).unwrap();
    let ours = ours(&out.join("models/5.1.safetensors"), &numbers(&driven["picture"]), &names);
    for (name, (ours, theirs)) in names.iter().zip(ours.iter().zip(driven["layers"].as_array().unwrap())) {
        let theirs = numbers(theirs);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let scale = ours.iter().fold(0.0_f32, |scale, number| scale.max(number.abs()));
        let worst = ours.iter().zip(&theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(scale > 0.0 && worst <= 1e-3 * scale, "{name}: off by {worst} of {scale}");
    }

    let clicks = driven["clicks"].as_array().unwrap();
    assert_eq!(clicks.len(), 7, "six layers with maps, and the classes");
    for click in clicks {
        let shown = |what: &str| click[what].as_str().unwrap().replace('−', "-").parse::<f64>().unwrap();
        let expected = click["expected"].as_f64().unwrap();
        assert!((shown("value") - expected).abs() <= 5.1e-5, "{click}");
        // The largest value is positive, and then a ReLU leaves the sum as it is; a softmax does not.
        if click["name"] == "classes" {
            assert!(click["words"].as_str().unwrap().contains("softmax"), "{click}");
        } else {
            assert!((shown("sum") - shown("value")).abs() <= 1.01e-4, "{click}");
        }
    }
    assert_eq!(driven["moved"], driven["movedExpected"]);
    assert_eq!(driven["uncentred"], driven["uncentredExpected"]);
    assert_ne!(driven["moved"], driven["uncentred"]);
    let starts = |what: &str, with: &str| {
        let said = driven[what].as_str().unwrap();
        assert!(said.starts_with(with), "{what}: {said}");
    };
    starts("valid", "⌊(28 + 0 − 5) ÷ 2⌋ + 1 = 12");
    starts("same", "⌊(28 + 3 − 5) ÷ 2⌋ + 1 = 14");
    starts("pointed", "epoch 1: training ");
    assert_eq!(driven["smooth"], true);
    assert_eq!(driven["smoothed"], serde_json::json!([1, null, 0.25 / 0.75, 0.125 / 0.875]));
    assert!(driven["opened"].as_str().unwrap().contains(" taken for "), "{}", driven["opened"]);
}
