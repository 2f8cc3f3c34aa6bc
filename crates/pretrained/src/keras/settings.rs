//! The settings of one layer as Keras' JSON has them. What cannot be done is noted, and reading goes on.

use convnet_layers::{ActivationKind, Padding, Pair};
use serde_json::Value as Json;

/// The settings of one layer, and the list of all that is not supported.
pub(super) struct Settings<'a> {
    pub(super) json: &'a Json,
    pub(super) path: &'a str,
    pub(super) class: &'a str,
    pub(super) problems: &'a mut Vec<String>,
}

impl Settings<'_> {
    /// Notes that this layer is not supported as it is.
    pub(super) fn refuse(&mut self, why: impl std::fmt::Display) {
        self.problems.push(format!("`{}` ({}): {why}", self.path, self.class));
    }

    /// A setting; null counts as none.
    fn get(&self, name: &str) -> Option<&Json> {
        self.json.get(name).filter(|json| !json.is_null())
    }

    /// Notes a setting that is neither absent nor one of `fine`.
    pub(super) fn only(&mut self, name: &str, fine: &[Json]) {
        if let Some(found) = self.get(name).filter(|found| !fine.contains(found)) {
            let found = shortened(found);
            let fine = fine.iter().map(Json::to_string).collect::<Vec<_>>().join(" or ");
            self.refuse(format_args!("`{name}` is {found}; only {fine} is supported"));
        }
    }

    fn wrong<T: Default>(&mut self, name: &str, expected: &str) -> T {
        let found = self.json.get(name).map_or("missing".into(), shortened);
        self.refuse(format_args!("`{name}` is {found}; {expected} was expected"));
        T::default()
    }

    /// A whole number above 0.
    pub(super) fn count(&mut self, name: &str) -> usize {
        match self.get(name).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok()) {
            Some(number) => number,
            None => self.wrong(name, "a whole number"),
        }
    }

    /// A whole number above 0, or `default` where it is not said.
    pub(super) fn count_or(&mut self, name: &str, default: usize) -> usize {
        if self.get(name).is_some() { self.count(name) } else { default }
    }

    /// A number, or `default` where there is none.
    pub(super) fn number(&mut self, name: &str, default: f32) -> f32 {
        match self.get(name) {
            None => default,
            Some(found) => match found.as_f64() {
                Some(number) => number as f32,
                None => self.wrong(name, "one number"),
            },
        }
    }

    /// True or false, or `default` where it is not said.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.get(name) {
            None => default,
            Some(found) => match found.as_bool() {
                Some(flag) => flag,
                None => self.wrong(name, "true or false"),
            },
        }
    }

    /// A number per axis, `default` where there is none.
    pub(super) fn pair(&mut self, name: &str, default: Option<Pair>) -> Pair {
        let one = |json: &Json| json.as_u64().and_then(|number| usize::try_from(number).ok());
        let found = match (self.get(name), default) {
            (None, Some(default)) => return default,
            (Some(Json::Array(both)), _) if both.len() == 2 => one(&both[0]).zip(one(&both[1])),
            (Some(found), _) => one(found).map(|both| (both, both)),
            (None, None) => None,
        };
        match found {
            Some((rows, columns)) => Pair([rows, columns]),
            None => Pair(self.wrong(name, "a number for rows and one for columns")),
        }
    }

    /// `valid` or `same`.
    pub(super) fn padding(&mut self) -> Padding {
        match self.get("padding").map_or(Some("valid"), Json::as_str) {
            Some("valid") => Padding::Valid,
            Some("same") => Padding::Same,
            _ => self.wrong("padding", "\"valid\" or \"same\""),
        }
    }

    /// The name of the activation: a word, or an object that names a function or a class.
    pub(super) fn activation_name(&mut self) -> String {
        let named = |json: &Json| match json {
            Json::String(name) => Some(name.clone()),
            Json::Object(object) => match object.get("class_name")?.as_str()? {
                "function" => Some(object.get("config")?.as_str()?.to_string()),
                class => Some(class.to_lowercase()),
            },
            _ => None,
        };
        match self.get("activation") {
            None => "linear".into(),
            Some(found) => match named(found) {
                Some(name) => name,
                None => self.wrong("activation", "the name of an activation"),
            },
        }
    }

    /// What a layer does with its output.
    pub(super) fn activation(&mut self) -> ActivationKind {
        match &*self.activation_name() {
            "linear" => ActivationKind::Linear,
            "relu" => ActivationKind::Relu,
            "softmax" => ActivationKind::Softmax,
            "sigmoid" => ActivationKind::Sigmoid,
            // Already noted.
            "" => ActivationKind::Linear,
            other => {
                self.refuse(format_args!("the activation `{other}` is not supported"));
                ActivationKind::Linear
            }
        }
    }

    /// Pixels around a picture: one number, one per axis, or `[[top, bottom], [left, right]]`.
    pub(super) fn borders(&mut self) -> [[usize; 2]; 2] {
        let one = |json: &Json| json.as_u64().and_then(|number| usize::try_from(number).ok());
        let axis = |json: &Json| match json {
            Json::Array(both) if both.len() == 2 => Some([one(&both[0])?, one(&both[1])?]),
            json => one(json).map(|both| [both, both]),
        };
        let found = match self.get("padding") {
            Some(Json::Array(both)) if both.len() == 2 => axis(&both[0]).zip(axis(&both[1])),
            Some(all) => axis(all).map(|all| (all, all)),
            None => None,
        };
        match found {
            Some((rows, columns)) => [rows, columns],
            None => self.wrong("padding", "pixels at the top, bottom, left and right"),
        }
    }

    /// The extents of `target_shape`.
    pub(super) fn target_shape(&mut self) -> Vec<i64> {
        let extents = self.get("target_shape").and_then(Json::as_array);
        match extents.and_then(|extents| extents.iter().map(Json::as_i64).collect()) {
            Some(extents) => extents,
            None => self.wrong("target_shape", "a list of whole numbers"),
        }
    }
}

/// JSON for a message: never pages of it.
fn shortened(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
