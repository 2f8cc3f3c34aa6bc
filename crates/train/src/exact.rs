//! Numbers in JSON that come back bit for bit, NaN and infinity too (JSON has neither): those are written as words.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match number.is_finite() {
        true => number.serialize(serializer),
        false => number.to_string().serialize(serializer),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(number),
        Written::Word(word) => word.parse().map_err(de::Error::custom),
    }
}

/// The same for numbers that may be missing.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Exact(#[serde(with = "super")] f64);

    pub(crate) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(Exact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(|exact| exact.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Number {
        #[serde(with = "super")]
        number: f64,
        #[serde(with = "super::option")]
        missing: Option<f64>,
    }

    #[test]
    fn every_number_comes_back() {
        let numbers = [
            0.1 + 0.2,
            -0.0,
            5e-324,
            f64::MAX,
            0.030_000_000_000_000_002,
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
        ];
        for number in numbers {
            for missing in [None, Some(number)] {
                let text = serde_json::to_string(&Number { number, missing }).unwrap();
                let read: Number = serde_json::from_str(&text).unwrap();
                assert_eq!(read.number.to_bits(), number.to_bits(), "{text}");
                assert_eq!(read.missing.map(f64::to_bits), missing.map(f64::to_bits), "{text}");
            }
        }
    }
}
