//! Listing folders: what is a class, a picture, a link that is followed; what is told.

mod common;

use common::{bitmap, tree};
use convnet_data::{Note, PictureFolder};
use convnet_tensor::Seed;
use std::path::Path;

fn paths(folder: &PictureFolder) -> Vec<String> {
    folder.files().map(|(path, label)| format!("{} {label}", path.display())).collect()
}

fn notes(folder: &PictureFolder) -> Vec<String> {
    folder.notes().iter().map(Note::to_string).collect()
}

#[test]
fn classes_are_folders_and_pictures_are_known_by_extension_in_any_case() {
    let folder = tree(&[
        "dogs/b.JPG",
        "dogs/a.jpeg",
        "dogs/deep/er/c.PnG",
        "Zebras/x.webp",
        "cats/1.bmp",
        "cats/2.gif",
        "cats/3.tif",
        "cats/4.TIFF",
        "cats/.hidden.jpg",
        "cats/._resource.jpg",
        ".hidden/x.jpg",
        "cats/.hidden/x.jpg",
    ]);
    let list = PictureFolder::list(folder.path()).unwrap();
    // By bytes: capitals come first, as in Python.
    assert_eq!(list.classes(), ["Zebras", "cats", "dogs"]);
    assert_eq!(list.class_counts(), [1, 4, 3]);
    assert_eq!(
        paths(&list),
        [
            "Zebras/x.webp 0",
            "cats/1.bmp 1",
            "cats/2.gif 1",
            "cats/3.tif 1",
            "cats/4.TIFF 1",
            "dogs/a.jpeg 2",
            "dogs/b.JPG 2",
            "dogs/deep/er/c.PnG 2"
        ]
    );
    assert!(list.notes().is_empty(), "{:?}", list.notes());
}

#[test]
fn what_is_passed_over_is_counted_with_the_remedy() {
    let folder = tree(&[
        "cats/a.jpg",
        "cats/b.HEIC",
        "cats/deep/c.avif",
        "cats/d.CR2",
        "cats/notes.txt",
        "cats/none",
        "dogs/a.jpg",
        "beside.png",
        "list.csv",
    ]);
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(list.len(), 2);
    let notes = notes(&list);
    assert_eq!(notes.len(), 4, "{notes:?}");
    assert!(notes[0].starts_with("1 file passed over, such as beside.png: pictures outside"), "{}", notes[0]);
    assert!(
        notes[1].starts_with("2 files passed over, such as cats/b.HEIC: HEIC")
            && notes[1].contains("convert")
    );
    assert!(notes[2].contains("cats/d.CR2") && notes[2].contains("develop"), "{}", notes[2]);
    assert!(notes[3].starts_with("3 files passed over, such as cats/none"), "{}", notes[3]);
}

#[test]
fn an_empty_class_and_a_single_class_are_told_and_no_class_is_an_error() {
    let folder = tree(&["cats/a.jpg", "dogs/readme.txt"]);
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(list.notes()[0], Note::EmptyClass("dogs".into()));
    assert_eq!(list.class_counts(), [1, 0]);

    let folder = tree(&["cats/a.jpg"]);
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(list.notes(), [Note::OneClass("cats".into())]);

    let refusal = |folder: &Path| PictureFolder::list(folder).unwrap_err().to_string();
    let folder = tree(&["a.jpg", "b.jpg"]);
    let message = refusal(folder.path());
    assert!(message.contains("no folder of a class") && message.contains("2 files passed over"), "{message}");
    let folder = tree(&["cats/a.heic", "dogs/b.heic"]);
    let message = refusal(folder.path());
    assert!(
        message.contains("no picture in any class") && message.contains("convert them first"),
        "{message}"
    );
    assert!(refusal(&folder.path().join("nothing")).contains("cannot be read"));
    assert!(refusal(&folder.path().join("cats/a.heic")).contains("cannot be read"));
}

#[test]
fn given_classes_number_the_labels() {
    let folder = tree(&["dogs/a.jpg", "horses/b.jpg"]);
    let classes: Vec<String> = ["cats", "dogs"].map(String::from).to_vec();
    let list = PictureFolder::list_classes(folder.path(), &classes).unwrap();
    assert_eq!(paths(&list), ["dogs/a.jpg 1"]);
    assert_eq!(list.notes(), [Note::EmptyClass("cats".into()), Note::OtherClass("horses".into())]);
}

#[test]
fn names_in_any_script() {
    let names = [
        "кошки/Мурка 1.jpg",
        "犬/写真.png",
        "ネコ/🐈 \"x\" 'y' %41.jpg",
        "كلاب/\u{202e}gpj.jpg",
        "a\nb/c\td.jpg",
    ];
    let folder = tree(&names);
    let list = PictureFolder::list(folder.path()).unwrap();
    let mut expected: Vec<&str> = names.iter().map(|name| name.split('/').next().unwrap()).collect();
    expected.sort_unstable();
    assert_eq!(list.classes(), expected);
    assert!(list.files().all(|(path, _)| folder.path().join(path).is_file()));
    let loaded = common::load(&list, 2, 2);
    assert!(names.contains(&loaded.dataset.name(0).unwrap()));
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_text_can_be_read_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tree(&["cats/a.bmp"]);
    let name = std::ffi::OsStr::from_bytes(b"cats/\xff\xfe.bmp");
    std::fs::write(folder.path().join(name), bitmap([7; 3])).unwrap();
    let loaded = common::load(&PictureFolder::list(folder.path()).unwrap(), 1, 1);
    assert_eq!(loaded.dataset.len(), 2);
    assert_eq!(loaded.dataset.name(1), Some("cats/\u{fffd}\u{fffd}.bmp"));
}

#[test]
#[cfg(unix)]
fn links_are_followed_inside_the_folder_and_nowhere_else() {
    use std::os::unix::fs::symlink;
    let outside = tree(&["secret/x.jpg"]);
    let folder = tree(&["cats/a.jpg", "cats/deep/b.jpg", ".pool/p.jpg", ".pool/more/q.jpg", "dogs/d.jpg"]);
    let at = |path: &str| folder.path().join(path);
    let link = |target: &Path, path: &str| symlink(target, at(path)).unwrap();
    link(&at(".pool/p.jpg"), "cats/file_inside.jpg");
    link(Path::new("../.pool"), "cats/folder_inside");
    link(&at("dogs"), "puppies");
    // Not followed: outside, nowhere, in a circle (the folder above, itself, each other), twice in one class.
    link(&outside.path().join("secret/x.jpg"), "cats/file_outside.jpg");
    link(&outside.path().join("secret"), "cats/folder_outside");
    link(outside.path(), "outsiders");
    link(&at("nothing"), "cats/nowhere.jpg");
    link(Path::new(".."), "cats/deep/up");
    link(Path::new("itself"), "cats/itself");
    link(folder.path(), "dogs/root");
    link(Path::new("../../.pool"), "cats/deep/again");
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(
        paths(&list),
        [
            "cats/a.jpg 0",
            "cats/deep/again/more/q.jpg 0",
            "cats/deep/again/p.jpg 0",
            "cats/deep/b.jpg 0",
            "cats/file_inside.jpg 0",
            "dogs/d.jpg 1",
            "puppies/d.jpg 2",
        ]
    );
    let [Note::Links(passed)] = list.notes() else { panic!("{:?}", list.notes()) };
    // Of the eight, the link to the root is met in dogs and again in puppies.
    assert_eq!(passed.count, 9, "{passed}");
    // A folder that is itself a link is what its user named.
    let other = tempfile::tempdir().unwrap();
    symlink(folder.path(), other.path().join("data")).unwrap();
    assert_eq!(paths(&PictureFolder::list(&other.path().join("data")).unwrap()), paths(&list));
}

#[test]
#[cfg(unix)]
fn a_set_laid_out_with_links_is_read_where_its_user_says_so() {
    use std::os::unix::fs::symlink;
    let store = tree(&["objects/1.jpg", "objects/2.jpg", "dogs/d.jpg", "dogs/deep/e.jpg", "more/f.jpg"]);
    let folder = tree(&["cats/a.jpg", "horses/h.jpg"]);
    let link =
        |target: &str, path: &str| symlink(store.path().join(target), folder.path().join(path)).unwrap();
    link("objects/1.jpg", "cats/1.jpg");
    link("objects/2.jpg", "cats/2.jpg");
    link("dogs", "dogs");
    // Neither nowhere nor a whole folder from elsewhere.
    link("nothing", "cats/3.jpg");
    link("more", "cats/more");
    let classes: Vec<String> = ["cats", "dogs"].map(String::from).to_vec();
    let list = PictureFolder::list_linked(folder.path(), &classes).unwrap();
    let expected = ["cats/1.jpg 0", "cats/2.jpg 0", "cats/a.jpg 0", "dogs/d.jpg 1", "dogs/deep/e.jpg 1"];
    assert_eq!(paths(&list), expected);
    let [Note::OtherClass(other), Note::Links(passed)] = list.notes() else { panic!("{:?}", list.notes()) };
    assert_eq!((other.as_str(), passed.count), ("horses", 2), "{passed}");
    assert!(list.files().all(|(path, _)| folder.path().join(path).is_file()));
    // Elsewhere the rule stays.
    let strict = PictureFolder::list_classes(folder.path(), &classes).unwrap();
    assert_eq!(paths(&strict), ["cats/a.jpg 0"]);
}

#[test]
#[cfg(unix)]
fn links_that_fan_out_end() {
    // Twenty folders, each with two links to the next: a million paths, if all were followed.
    let folder = tree(&["cats/a.jpg", "cats/n19/b.jpg"]);
    for number in 0..19 {
        let here = folder.path().join(format!("cats/n{number}"));
        std::fs::create_dir_all(&here).unwrap();
        for name in ["one", "two"] {
            std::os::unix::fs::symlink(format!("../n{}", number + 1), here.join(name)).unwrap();
        }
    }
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(paths(&list), ["cats/a.jpg 0", "cats/n19/b.jpg 0"]);
}

#[test]
#[cfg(unix)]
fn a_pipe_is_never_opened() {
    let folder = tree(&["cats/a.jpg", "dogs/b.jpg"]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("cats/pipe.jpg")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of every Unix");
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(list.len(), 2);
    assert!(
        matches!(list.notes(), [Note::OtherFiles(passed)] if passed.example == Path::new("cats/pipe.jpg"))
    );
}

#[test]
fn a_split_takes_its_share_of_each_class_and_follows_from_the_seed() {
    let names: Vec<String> = (0..60)
        .map(|number| format!("{}/{number:02}.jpg", if number < 40 { "cats" } else { "dogs" }))
        .collect();
    let folder = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let list = PictureFolder::list(folder.path()).unwrap();
    let split = |seed| list.split_validation(0.25, Seed(seed)).unwrap();
    let (train, validation) = split(1);
    assert_eq!((train.class_counts(), validation.class_counts()), (vec![30, 15], vec![10, 5]));
    let mut all = [paths(&train), paths(&validation)].concat();
    assert!(paths(&train).is_sorted() && paths(&validation).is_sorted());
    all.sort();
    assert_eq!(all, paths(&list));
    assert_eq!(paths(&split(1).1), paths(&validation));
    assert_ne!(paths(&split(2).1), paths(&validation));
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(list.split_validation(share, Seed(1)).unwrap_err().to_string().contains("between 0 and 1"));
    }
    // So small a share of two pictures is none, and that is told.
    let folder = tree(&["cats/a.jpg", "cats/b.jpg", "dogs/c.jpg", "dogs/d.jpg", "dogs/e.jpg"]);
    let (_, validation) = PictureFolder::list(folder.path()).unwrap().split_validation(0.2, Seed(1)).unwrap();
    assert_eq!(validation.notes(), [Note::EmptyClass("cats".into())]);
}
