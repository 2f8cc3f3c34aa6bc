//! `convnet explore`: what it answers, whom it refuses, and the page in a browser.

mod browser;
mod page;
mod served;

use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, MaxPooling2D, Model};
use convnet_tensor::Seed;
use serde_json::{Value, json};
use served::Served;
use std::io::{Cursor, Write};
use std::path::Path;
use std::thread;

/// A small model of two classes for pictures of 24×24.
fn model(folder: &Path) {
    let network = Architecture::new()
        .named("conv", Conv2D::new(6, 3).relu())
        .named("pool", MaxPooling2D::new(2))
        .named("conv_2", Conv2D::new(8, 3).relu())
        .named("flatten", Flatten::new())
        .named("dense", Dense::new(2).softmax());
    let input = InputSpec::new([24, 24, 3]).classes(["lying", "standing"]);
    Model::new(network, input, Seed(7)).unwrap().save(folder.join("model.safetensors")).unwrap();
}

fn png(lying: bool, phase: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(40, 30, |x, y| {
        let across = if lying { y } else { x };
        image::Rgb(if ((across + phase) / 4).is_multiple_of(2) { [230, 200, 40] } else { [20, 60, 120] })
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

fn served(folder: &Path) -> Served {
    model(folder);
    Served::start(folder, &["model.safetensors"])
}

fn bytes(of: &Value) -> Vec<u8> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(of.as_str().unwrap()).unwrap()
}

#[test]
fn a_picture_is_looked_at_from_every_side() {
    let folder = tempfile::tempdir().unwrap();
    let served = served(folder.path());
    let about = served.get("/api/about").json();
    assert_eq!(
        (about["shape"].clone(), about["classes"].clone()),
        (json!([24, 24, 3]), json!(["lying", "standing"]))
    );
    let methods = about["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 11);
    let id = served.hold(&png(true, 0));
    let plain = served.ask("/api/look", &json!({ "picture": id })).json();
    let sum: f64 = plain["classes"].as_array().unwrap().iter().map(|of| of["value"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{plain}");
    assert_eq!(bytes(&plain["picture"]["pixels"]).len(), 24 * 24 * 3);
    for method in 0..methods.len() {
        let heat = json!({ "method": method, "layer": "conv_2", "control": true });
        let answer = served.ask("/api/look", &json!({ "picture": id, "class": 1, "heat": heat }));
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
        let answer = answer.json();
        assert_eq!(answer["explained"]["name"], "standing");
        let (heat, control) = (bytes(&answer["heat"]["heat"]), bytes(&answer["heat"]["control"]["heat"]));
        assert_eq!((heat.len(), control.len()), (24 * 24, 24 * 24));
        assert!(heat.contains(&255) || answer["heat"]["blank"] == true, "method {method}");
        assert!(heat != control || answer["heat"]["blank"] == true, "method {method}: both heats are one");
    }
    let covered = json!({ "cover": { "x": 0.5, "y": 0.5, "side": 1.0 } });
    let covered = served.ask("/api/look", &json!({ "picture": id, "change": covered })).json();
    assert!(bytes(&covered["picture"]["pixels"]).iter().all(|&level| level == 127));
    assert_ne!(covered["classes"], plain["classes"]);
    let mirrored = served
        .ask("/api/look", &json!({ "picture": id, "change": { "mirrored": true, "rotation": 90 } }))
        .json();
    assert_ne!(mirrored["picture"], plain["picture"]);

    let all = served.ask("/api/layers", &json!({ "picture": id })).json();
    assert_eq!(all.as_array().unwrap().len(), about["layers"].as_array().unwrap().len());
    let one = served.ask("/api/layers", &json!({ "picture": id, "layer": "conv" })).json();
    assert_eq!((one[0]["size"].clone(), one[0]["channels"].clone()), (json!([22, 22]), json!(6)));
    assert_eq!(bytes(&one[0]["maps"]).len(), 6 * 22 * 22);
    assert!(one[0]["dead"].as_u64().unwrap() <= one[0]["silent"].as_u64().unwrap().max(6));

    let painted = served.ask("/api/filters", &json!({ "picture": id, "layer": "conv_2", "recipe": "book" }));
    let lines: Vec<Value> = painted
        .body
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert!(lines.iter().filter(|line| line.get("progress").is_some()).count() > 40, "each step is told");
    let filters = lines.last().unwrap()["painted"]["filters"].as_array().unwrap();
    assert!(
        filters.len() == 4 && filters[0]["after"].as_f64() > filters[0]["before"].as_f64(),
        "{filters:?}"
    );

    let settings = json!({ "rotation": 40.0, "zoom": [0.8, 1.2], "horizontal_flip": true });
    let ask = |seed| {
        served.ask("/api/augment", &json!({ "picture": id, "augment": settings, "seed": seed })).json()
    };
    let nine = ask(1);
    assert_eq!(nine["samples"].as_array().unwrap().len(), 9);
    assert_ne!(nine["samples"][0], nine["samples"][1]);
    assert!(nine == ask(1) && nine != ask(2), "the seed decides");

    let answer = served.send("PUT", &format!("/api/pictures/{id}"), &png(false, 1));
    assert_eq!(answer.json()["id"], json!(id));
    assert_ne!(served.ask("/api/look", &json!({ "picture": id })).json()["picture"], plain["picture"]);
    let similar = served.ask("/api/similar", &json!({ "picture": id }));
    assert!(similar.status == 404 && similar.json()["error"].as_str().unwrap().contains("--pictures"));
    #[cfg(unix)]
    assert_eq!(served.interrupted(), Some(0), "Ctrl-C ends it cleanly");
}

#[test]
fn similar_pictures_come_from_the_folder_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    for (class, lying) in [("lying", true), ("standing", false)] {
        std::fs::create_dir_all(folder.join("stripes").join(class)).unwrap();
        for phase in 0..4 {
            std::fs::write(
                folder.join("stripes").join(class).join(format!("{phase}.png")),
                png(lying, phase),
            )
            .unwrap();
        }
    }
    let served = Served::start(folder, &["model.safetensors", "--pictures", "stripes"]);
    assert_eq!(served.get("/api/about").json()["pictures"], 8);
    let id = served.hold(&png(false, 2));
    let found = served.ask("/api/similar", &json!({ "picture": id })).json();
    assert!(found[0]["class"] == "standing" && found[0]["cosine"].as_f64().unwrap() > 0.9999, "{found}");
    let picture = served.get(&format!("/api/similar/{}", found[0]["picture"]));
    assert!(picture.status == 200 && picture.body.starts_with(b"\x89PNG"), "{picture:?}");
    for path in [
        "/api/similar/8",
        "/api/similar/-1",
        "/api/similar/..%2f..%2fmodel.safetensors",
        "/assets/..%2fmain.rs",
    ] {
        let answer = served.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
}

#[test]
fn who_should_not_ask_is_refused_and_so_is_what_is_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let served = served(folder.path());
    let port = served.port;
    let page = served.get("/");
    assert!(
        page.status == 200 && page.head.contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    for host in ["evil.example".to_string(), format!("evil.example:{port}"), "127.0.0.1:1".into()] {
        let answer =
            served.raw(&format!("GET /api/about HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"), &[]);
        assert!(
            answer.status == 403 && answer.json()["error"].as_str().unwrap().contains("127.0.0.1"),
            "{host}: {answer:?}"
        );
    }
    for origin in ["origin: http://evil.example\r\n", "origin: null\r\n", ""] {
        let head = format!(
            "POST /api/pictures HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{origin}content-length: 3\r\nconnection: close\r\n\r\n"
        );
        let answer = served.raw(&head, b"GIF");
        assert!(
            answer.status == 403 && answer.json()["error"].as_str().unwrap().contains("Origin"),
            "{answer:?}"
        );
    }
    let garbage: Vec<u8> = (0..5000_u32).map(|place| ((place * 7919) >> 3) as u8).collect();
    let mut cut = png(true, 0);
    cut.truncate(60);
    for (what, file, says) in [
        ("a text that is called .jpg", &b"this is a text, whatever it is called\n"[..], "text"),
        ("garbage", &garbage, "picture"),
        ("nothing", b"", "empty"),
        ("half a picture", &cut, ""),
    ] {
        let answer = served.send("POST", "/api/pictures", file);
        let told = answer.json()["error"].as_str().unwrap().to_lowercase();
        assert!(answer.status == 415 && told.contains(says), "{what}: {answer:?}");
    }
    let large = vec![0xff; (32 << 20) + 1];
    assert_eq!(served.send("POST", "/api/pictures", &large).status, 413);
    let id = served.hold(&png(true, 0));
    for (path, question, status) in [
        ("/api/look", json!({ "picture": "ffffffffffffffffffffffffffffffff" }), 410),
        ("/api/look", json!({ "picture": id, "class": 2 }), 400),
        ("/api/look", json!({ "picture": id, "colour": 2 }), 400),
        ("/api/look", json!({ "picture": id, "change": { "rotation": 1e9 } }), 400),
        (
            "/api/look",
            json!({ "picture": id, "heat": { "method": 99, "layer": "conv", "control": false } }),
            400,
        ),
        ("/api/layers", json!({ "picture": id, "layer": "../conv" }), 404),
        ("/api/augment", json!({ "picture": id, "augment": { "rotation": 900 }, "seed": 1 }), 400),
        ("/api/augment", json!({ "picture": id, "augment": { "crop": [16384, 16384] }, "seed": 1 }), 400),
        ("/api/nothing", json!({}), 404),
    ] {
        let answer = served.ask(path, &question);
        assert!(
            answer.status == status && !answer.json()["error"].as_str().unwrap().is_empty(),
            "{question}: {answer:?}"
        );
    }
    assert_eq!(served.send("POST", "/api/look", &vec![b' '; 1 << 20]).status, 413);
}

#[test]
fn fifty_clients_are_answered_while_slow_ones_hold_on_and_old_pictures_go() {
    let folder = tempfile::tempdir().unwrap();
    let served = served(folder.path());
    // Some say nothing, some begin a picture and do not go on.
    let mut silent: Vec<_> = (0..20).map(|_| served.connected()).collect();
    let host = served.host();
    for stream in &mut silent[..8] {
        let head = format!(
            "POST /api/pictures HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\ncontent-length: 100000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&[0xff; 1000]).unwrap();
    }
    let first = served.hold(&png(true, 0));
    let before = served.peak_mib();
    thread::scope(|scope| {
        for client in 0..50 {
            let served = &served;
            scope.spawn(move || {
                for round in 0..6 {
                    let id = served.hold(&png(client % 2 == 0, round));
                    let heat = json!({ "method": client % 11, "layer": "conv_2", "control": true });
                    let answer = served.ask("/api/look", &json!({ "picture": id, "heat": heat }));
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    drop(silent);
    if let (Some(before), Some(after)) = (before, served.peak_mib()) {
        assert!(after < before + 300, "memory went from {before} to {after} MiB");
    }
    let gone = served.ask("/api/look", &json!({ "picture": first }));
    assert!(
        gone.status == 410 && gone.json()["error"].as_str().unwrap().contains("choose it again"),
        "{gone:?}"
    );
    let replaced = served.send("PUT", &format!("/api/pictures/{first}"), &png(true, 0));
    assert_eq!(replaced.status, 410);
}
