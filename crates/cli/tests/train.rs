//! From a folder of pictures to a model, its card, and what it says of other pictures.

use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model};
use convnet_tensor::Seed;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convnet"));
    command.args(arguments).current_dir(folder).env("CONVNET_CACHE", folder.join("cache"));
    command.env("NO_COLOR", "1").env_remove("CONVNET_DATA_DIR");
    command
}

/// Exit code, standard output, standard error.
fn convnet(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command(folder, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Stripes that lie, and fewer that stand: what a base of random weights can tell apart.
fn pictures(folder: &Path, lying: u32, standing: u32) {
    for (class, count) in [("lying", lying), ("standing", standing)] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for number in 0..count {
            let (phase, width) = (number % 7, 2 + number % 3);
            let picture = image::RgbImage::from_fn(24, 24, |x, y| {
                let across = if class == "lying" { y } else { x };
                let speck = (x * 7 + y * 13 + number * 29) % 23;
                let shade = if (across + phase) / width % 2 == 0 { 200 } else { 40 } + speck as u8;
                image::Rgb([shade, shade, 255 - shade])
            });
            picture.save(folder.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
}

/// A folder in which a base of random weights lies.
fn with_base() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let network = Architecture::new()
        .named("conv", Conv2D::new(16, 3).same().relu())
        .named("pool", MaxPooling2D::new(2))
        .named("conv_2", Conv2D::new(16, 3).same().relu());
    let model = Model::new(network, InputSpec::new([24, 24, 3]), Seed(3)).unwrap();
    model.save(folder.path().join("base.safetensors")).unwrap();
    folder
}

#[test]
fn pictures_become_a_model_that_recognises_others_and_a_card_that_tells_of_it() {
    let folder = with_base();
    let folder = folder.path();
    pictures(&folder.join("stripes"), 60, 30);
    pictures(&folder.join("others"), 8, 8);
    fs::write(folder.join("stripes/lying/broken.jpg"), b"no picture").unwrap();
    let train =
        ["train", "stripes", "--base", "base.safetensors", "--out", "m.safetensors", "--epochs", "200"];
    let (code, said, told) = convnet(folder, &train);
    assert_eq!(code, 0, "{told}");
    assert!(said.starts_with("test: accuracy") && said.contains("m.html"), "{said}");
    for what in ["four fifths", "broken.jpg", "uneven", "temperature", "72 train, 9 validation, 9 test"] {
        assert!(told.contains(what), "{what} is not in: {told}");
    }
    let card = fs::read_to_string(folder.join("m.html")).unwrap();
    for what in
        ["Data and settings", "Class by class", "Learning", "How sure it may be", "erred", "broken.jpg"]
    {
        assert!(card.contains(what), "{what} is not in the card");
    }
    assert!(
        !card.contains("http://")
            || card.matches("http://").count() == card.matches("http://www.w3.org").count()
    );

    // The same pictures again: the base need not look at them.
    let (code, again, told) = convnet(folder, &train);
    assert!(code == 0 && told.contains("done before"), "{told}");
    assert_eq!(again.lines().next(), said.lines().next());

    let (code, json, error) = convnet(folder, &["evaluate", "m.safetensors", "others", "--json"]);
    assert_eq!(code, 0, "{error}");
    let figures: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(figures["accuracy"].as_f64().unwrap() > 0.9, "{json}");
    assert_eq!(
        (figures["pictures"].as_u64(), figures["per_class"][1]["pictures"].as_u64()),
        (Some(16), Some(8))
    );

    let (code, csv, error) =
        convnet(folder, &["predict", "m.safetensors", "others/lying", "--csv", "--top", "1"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.matches(",lying,").count() >= 7, "{csv}");
    let (code, _, error) = convnet(folder, &["predict", "m.safetensors", "stripes"]);
    assert!(code == 2 && error.contains("1 of 91 pictures"), "{error}");

    let explain =
        ["explain", "m.safetensors", "others/lying/1.png", "--out", "why.png", "--class", "standing"];
    let (code, said, error) = convnet(folder, &explain);
    assert!(code == 0 && said.contains("Grad-CAM of base"), "{said}{error}");
    assert_eq!(image::open(folder.join("why.png")).unwrap().width(), 3 * 24 + 2 * 4);

    let (code, said, _) = convnet(folder, &["cache"]);
    assert!(code == 0 && !said.contains("which 0.0 KiB"), "{said}");
    let (code, _, _) = convnet(folder, &["cache", "--clear"]);
    assert!(code == 0 && !folder.join("cache/features").exists());
}

#[test]
fn augmentation_fine_tuning_and_a_card_without_pictures() {
    let folder = with_base();
    let folder = folder.path();
    for (part, count) in [("train", 20), ("validation", 6)] {
        pictures(&folder.join("set").join(part), count, count);
    }
    fs::write(folder.join("how.json"), r#"{"width_shift": 0.1, "horizontal_flip": true}"#).unwrap();
    let (code, said, told) = convnet(
        folder,
        &[
            "train",
            "set",
            "--base",
            "base.safetensors",
            "--out",
            "m.safetensors",
            "--augment",
            "how.json",
            "--fine-tune",
            "--no-pictures",
            "--epochs",
            "3",
        ],
    );
    assert_eq!(code, 0, "{told}");
    assert!(said.starts_with("validation: accuracy"), "{said}");
    let card = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(card.contains("last block and head") && card.contains("pictures changed at random"));
    assert!(!card.contains("data:image"));
}

#[test]
fn what_cannot_be_learned_is_told_before_anything_else() {
    let folder = with_base();
    let folder = folder.path();
    pictures(&folder.join("one"), 4, 0);
    fs::remove_dir(folder.join("one/standing")).unwrap();
    pictures(&folder.join("two"), 12, 12);
    fs::write(folder.join("wrong.json"), r#"{"rotate": 3}"#).unwrap();
    fs::write(folder.join("list.json"), "[]").unwrap();
    fs::write(folder.join("notes.html"), "<p>Mine.</p>").unwrap();
    fs::write(folder.join("far.json"), r#"{"rotation": -99999}"#).unwrap();
    for (arguments, expected) in [
        (&["train", "one", "--base", "base.safetensors"][..], "one class, `lying`"),
        (&["train", "nowhere", "--base", "base.safetensors"], "nowhere"),
        (&["train", "two", "--base", "vgg16"], "no pretrained weights are at hand"),
        (&["train", "two", "--base", "base.safetensors", "--augment", "wrong.json"], "wrong.json"),
        (
            &["train", "two", "--base", "base.safetensors", "--augment", "list.json"],
            "list.json: not a description",
        ),
        (&["train", "two", "--base", "base.safetensors", "--augment", "far.json"], "rotation"),
        (&["train", "two", "--base", "base.safetensors", "--augment", "heavy"], "neither chapter5"),
        (&["train", "two", "--base", "base.safetensors", "--out", "card.html"], "written as .safetensors"),
        (&["train", "two", "--base", "base.safetensors", "--out", "/dev/null"], "a device or a pipe"),
        (&["train", "two", "--base", "base.safetensors", "--out", "two"], "is a folder"),
        (&["train", "two", "--base", "base.safetensors", "--out", "notes.safetensors"], "is no model's card"),
        (
            &["train", "two", "--base", "base.safetensors", "--out", "no/where.safetensors"],
            "no model can be written",
        ),
        (&["evaluate", "base.safetensors", "two"], "does not name its classes"),
        (
            &["explain", "base.safetensors", "two/lying/1.png", "--method", "lime", "--out", "x.png"],
            "no method",
        ),
    ] {
        let (code, said, error) = convnet(folder, arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}{error}");
        assert!(error.contains(expected) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn empty_classes_contradictions_and_few_pictures_are_told() {
    let folder = with_base();
    let folder = folder.path();
    pictures(&folder.join("few"), 6, 5);
    fs::create_dir(folder.join("few/birds")).unwrap();
    fs::copy(folder.join("few/lying/1.png"), folder.join("few/standing/mistaken.png")).unwrap();
    let (code, said, told) = convnet(
        folder,
        &["train", "few", "--base", "base.safetensors", "--out", "m.safetensors", "--epochs", "2"],
    );
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("left out, since they hold no picture to learn from: birds"), "{told}");
    assert!(told.contains("stand under more than one class") && told.contains("mistaken.png"), "{told}");
    assert!(told.contains("8 train, 2 validation, 2 test; 2 classes"), "{told}");
    assert!(said.contains("test: accuracy") && !said.contains("birds"), "{said}");

    let (code, said, told) =
        convnet(folder, &["predict", "m.safetensors", "nowhere.png", "few/lying/2.png", "--json"]);
    assert_eq!(code, 2, "{told}");
    assert!(said.contains("\"error\"") && said.contains("probability"), "{said}");
    fs::create_dir(folder.join("empty")).unwrap();
    for (arguments, expected) in [
        (&["predict", "m.safetensors", "empty"][..], "no picture in empty"),
        (&["predict", "m.safetensors", "/dev/zero"], "/dev/zero"),
        (&["explain", "m.safetensors", "few/lying/2.png", "--out", "why.jpg"], "is a PNG"),
    ] {
        let (code, _, error) = convnet(folder, arguments);
        assert!(code == 2 && error.contains(expected), "{arguments:?}: {error}");
    }
    let (code, _, error) =
        convnet(folder, &["explain", "m.safetensors", "few/lying/2.png", "--out", "no/where.png"]);
    assert!(code == 1 && error.contains("where.png"), "{code}: {error}");
}

#[test]
fn no_copy_of_a_learned_picture_is_held_out() {
    let folder = with_base();
    let folder = folder.path();
    pictures(&folder.join("twice"), 40, 40);
    for class in ["lying", "standing"] {
        for number in 0..40 {
            let file = |name: String| folder.join("twice").join(class).join(name);
            fs::copy(file(format!("{number}.png")), file(format!("{number} (copy).png"))).unwrap();
        }
    }
    let train = ["train", "twice", "--base", "base.safetensors", "--out", "m.safetensors", "--epochs", "2"];
    let (code, _, told) = convnet(folder, &train);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("pictures left out, since a set drawn before has the like"), "{told}");
    let card = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(card.contains("left out, since a set drawn before has the like"));
    // Of 16 pictures drawn for a set of 160, four in five have their copy among those learned from.
    assert!(told.contains("128 train") && !told.contains("16 validation"), "{told}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_learning_and_leaves_the_model() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    let folder = with_base();
    let folder = folder.path();
    pictures(&folder.join("stripes"), 400, 400);
    let train = "train stripes --base base.safetensors --out m.safetensors --augment light --fine-tune";
    let mut command = command(folder, &train.split(' ').collect::<Vec<_>>());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    // The line about the first stage; seven epochs at least of the second are to come.
    while !line.starts_with("learning: head: ") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended before it had learned");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("Ctrl-C again ends at once and leaves m.safetensors as it is"), "{rest}");
    assert!(rest.ends_with("interrupted: the model knows what was learned until then\n"), "{rest}");
    let card = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(
        card.contains(", then interrupted") && card.contains("last block and head</td><td>not begun"),
        "{card}"
    );
    // A dense layer of 256 on 16 maps, and one of 2: of the base nothing was about to learn.
    assert!(card.contains("of which 4,866 learned last"), "{card}");
    let (code, said, error) = convnet(folder, &["evaluate", "m.safetensors", "stripes"]);
    assert!(code == 0 && said.contains("accuracy"), "{said}{error}");
}
