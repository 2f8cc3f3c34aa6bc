//! A reader of the few pickle instructions that PyTorch's files of tensors consist of.
//!
//! A pickle is a program that can call anything by name. Here a call is no call: the few names that state dicts need
//! stand in one list, each is answered with plain data, and every other name is refused. Nothing is ever executed.
//! Everything is bounded: values, bytes, axes. Values are held by number, so a value inside itself is a number too.

use super::input::Input;
use super::value::{Id, Name, Storage, Value, View, known};
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

/// The most values of one pickle; a state dict makes about twenty of each tensor.
const MOST_VALUES: usize = 1 << 20;

/// The most axes of a tensor.
const MOST_AXES: usize = 32;

/// All values of a pickle, and which one it stands for.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) values: Vec<Value>,
    pub(super) top: Id,
}

impl Pickle {
    /// The value that the pickle stands for.
    pub(super) fn top(&self) -> &Value {
        &self.values[self.top]
    }

    /// The text of a value.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one pickle; the reader stands behind its last byte then.
pub(super) fn read(reader: &mut dyn Read) -> Result<Pickle, String> {
    let mut machine = Machine {
        input: Input::new(reader),
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    while !machine.step()? {}
    let top = machine.pop()?;
    Ok(Pickle { values: machine.values, top })
}

struct Machine<'a> {
    input: Input<'a>,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// How high the stack stood at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    /// One instruction; true for the last.
    fn step(&mut self) -> Result<bool, String> {
        match self.input.byte()? {
            b'.' => return Ok(true),
            0x80 => match self.input.byte()? {
                0..=5 => {}
                other => return Err(format!("its pickle is of protocol {other}; at most 5 is read")),
            },
            // A frame: only a hint for reading ahead.
            0x95 => drop(self.input.array::<8>()?),
            b'N' | 0x88 | 0x89 => self.push(Value::Inert)?,
            b'G' => {
                self.input.array::<8>()?;
                self.push(Value::Inert)?;
            }
            b'K' => {
                let number = self.input.byte()?;
                self.push(Value::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.input.array()?);
                self.push(Value::Int(number.into()))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.push(Value::Int(number.into()))?;
            }
            0x8a => {
                let count = self.input.byte()?;
                let bytes = self.input.bytes(count.into())?;
                self.push(long(&bytes))?;
            }
            b'X' | b'T' => {
                let count = u32::from_le_bytes(self.input.array()?);
                self.push_text(count.into())?;
            }
            0x8c | b'U' => {
                let count = self.input.byte()?;
                self.push_text(count.into())?;
            }
            0x8d => {
                let count = u64::from_le_bytes(self.input.array()?);
                self.push_text(count)?;
            }
            // Bytes belong to settings.
            b'B' => {
                let count = u32::from_le_bytes(self.input.array()?);
                self.skip(count.into())?;
            }
            b'C' => {
                let count = self.input.byte()?;
                self.skip(count.into())?;
            }
            b'(' => {
                if self.marks.len() == MOST_VALUES {
                    return Err("its pickle holds more than any state dict".into());
                }
                self.marks.push(self.stack.len());
            }
            b'0' => drop(self.pop()?),
            b')' => self.push(Value::Tuple(Vec::new()))?,
            count @ 0x85..=0x87 => {
                let items = self.pops(usize::from(count - 0x84))?;
                self.push(Value::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items))?;
            }
            b']' => self.push(Value::List(Vec::new()))?,
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.extend(items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b's' => {
                let entry = self.pops(2)?;
                self.insert(&entry)?;
            }
            b'u' => {
                let entries = self.pop_to_mark()?;
                self.insert(&entries)?;
            }
            0x8f => self.push(Value::Inert)?,
            0x90 => drop(self.pop_to_mark()?),
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.name(&module, &name)?;
            }
            0x93 => {
                let both = self.pops(2)?;
                let [Value::Text(module), Value::Text(name)] = [&self.values[both[0]], &self.values[both[1]]]
                else {
                    return Err("its pickle names something by what is no text".into());
                };
                let (module, name) = (Arc::clone(module), Arc::clone(name));
                self.name(&module, &name)?;
            }
            b'q' => {
                let place = self.input.byte()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.input.array()?);
                self.remember(place)?;
            }
            0x94 => self.remember(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))?,
            b'h' => {
                let place = self.input.byte()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.input.array()?);
                self.recall(place)?;
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            b'b' => {
                // Attributes of dictionaries and settings say nothing about tensors.
                self.pop()?;
                let of = *self.stack.last().ok_or("its pickle is damaged")?;
                if !matches!(self.values[of], Value::Dict(_) | Value::Inert | Value::Tensor(_)) {
                    return Err("its pickle builds an object, which no state dict needs".into());
                }
            }
            other => {
                return Err(format!(
                    "its pickle uses the instruction {other:#04x}, which no state dict needs"
                ));
            }
        }
        Ok(false)
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        if self.values.len() == MOST_VALUES {
            return Err("its pickle holds more values than any state dict".into());
        }
        self.values.push(value);
        self.push_again(self.values.len() - 1)
    }

    /// Puts a value that exists on the stack, which never grows beyond the most values either.
    fn push_again(&mut self, id: Id) -> Result<(), String> {
        if self.stack.len() == MOST_VALUES {
            return Err("its pickle holds more values than any state dict".into());
        }
        self.stack.push(id);
        Ok(())
    }

    fn push_text(&mut self, count: u64) -> Result<(), String> {
        let text = self.input.text(count)?;
        self.push(Value::Text(text))
    }

    fn skip(&mut self, count: u64) -> Result<(), String> {
        self.input.bytes(count)?;
        self.push(Value::Inert)
    }

    fn pop(&mut self) -> Result<Id, String> {
        Ok(self.pops(1)?[0])
    }

    fn pops(&mut self, count: usize) -> Result<Vec<Id>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let place = self.stack.len().checked_sub(count).filter(|place| *place >= floor);
        Ok(self.stack.split_off(place.ok_or("its pickle takes more from its stack than it holds")?))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("its pickle goes back to a mark that it never set")?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&mut self) -> Result<&mut Value, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(&mut self.values[id]),
            _ => Err("its pickle takes more from its stack than it holds".into()),
        }
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<(), String> {
        match self.top()? {
            Value::List(list) => list.extend(items),
            Value::Inert => {}
            _ => return Err("its pickle appends to what is no list".into()),
        }
        Ok(())
    }

    fn insert(&mut self, entries: &[Id]) -> Result<(), String> {
        let (pairs, rest) = entries.as_chunks::<2>();
        match self.top()? {
            Value::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)))
            }
            Value::Inert => {}
            _ => return Err("its pickle sets an entry of what is no dictionary".into()),
        }
        Ok(())
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), String> {
        let known = known(module, name).ok_or_else(|| {
            let remedy = if module.starts_with("__torch__") {
                "it is a TorchScript program"
            } else {
                "it holds more than tensors"
            };
            format!(
                "asks for `{module}.{name}`, which no state dict needs: {remedy}, and nothing of it was executed; \
                 save `model.state_dict()` instead"
            )
        })?;
        self.push(Value::Name(known))
    }

    fn remember(&mut self, place: u32) -> Result<(), String> {
        let id = *self.stack.last().ok_or("its pickle remembers a value before there is one")?;
        if self.memo.len() == MOST_VALUES && !self.memo.contains_key(&place) {
            return Err("its pickle remembers more values than any state dict".into());
        }
        self.memo.insert(place, id);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        let id = *self.memo.get(&place).ok_or("its pickle recalls a value that it never remembered")?;
        self.push_again(id)
    }

    /// `('storage', type, key, device, count)` and, in old files, a view of it.
    fn storage(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let Value::Tuple(items) = &self.values[id] else {
            return Err("its pickle refers to what is no storage".into());
        };
        let item = |place: usize| items.get(place).map(|&id| &self.values[id]);
        let found = (item(0), item(1), item(2), item(4));
        let (Some(Value::Text(kind)), Some(Value::Name(Name::Storage(numbers))), Some(key), Some(count)) =
            found
        else {
            return Err(
                "refers to something else than a storage of numbers: it was saved as a whole module, \
                        not as `model.state_dict()`"
                    .into(),
            );
        };
        let key = match key {
            Value::Text(key) => Arc::clone(key),
            Value::Int(key) => key.to_string().into(),
            _ => return Err("its pickle refers to a storage without a key".into()),
        };
        let mut storage = Storage { key, numbers: *numbers, count: self.number(count)?, offset: 0 };
        if &**kind != "storage" {
            return Err(format!("its pickle refers to a `{kind}`, not to a storage"));
        }
        if let Some(Value::Tuple(view)) = item(5) {
            // The view's key, where it begins and its size.
            let [_, offset, size] = view[..] else { return Err("its pickle has a damaged view".into()) };
            let (offset, size) = (self.number(&self.values[offset])?, self.number(&self.values[size])?);
            if offset.checked_add(size).is_none_or(|end| end > storage.count) {
                return Err("its pickle has a view beyond the end of its storage".into());
            }
            storage.offset = offset;
        }
        self.push(Value::Storage(storage))
    }

    fn number(&self, value: &Value) -> Result<usize, String> {
        match value {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
        .ok_or_else(|| "its pickle has no whole number where a size belongs".into())
    }

    fn numbers(&self, id: Id) -> Result<Vec<usize>, String> {
        match &self.values[id] {
            Value::Tuple(items) | Value::List(items) if items.len() <= MOST_AXES => {
                items.iter().map(|&id| self.number(&self.values[id])).collect()
            }
            _ => Err("its pickle has no shape where one belongs".into()),
        }
    }

    /// What a known name makes of its arguments.
    fn call(&mut self) -> Result<(), String> {
        let both = self.pops(2)?;
        let (Value::Name(name), Value::Tuple(arguments)) = (&self.values[both[0]], &self.values[both[1]])
        else {
            return Err("its pickle calls what is no known name".into());
        };
        let (name, arguments) = (*name, arguments.clone());
        match (name, &arguments[..]) {
            (Name::OrderedDict, []) => self.push(Value::Dict(Vec::new())),
            (Name::OrderedDict, &[list]) => {
                let Value::List(pairs) = &self.values[list] else {
                    return Err("its pickle makes a dictionary of what is no list".into());
                };
                let pair = |&pair: &Id| match &self.values[pair] {
                    Value::Tuple(both) | Value::List(both) if both.len() == 2 => Ok((both[0], both[1])),
                    _ => Err("its pickle makes a dictionary of what are no pairs".to_string()),
                };
                let entries = pairs.iter().map(pair).collect::<Result<_, _>>()?;
                self.push(Value::Dict(entries))
            }
            (Name::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                let Value::Storage(storage) = &self.values[storage] else {
                    return Err("its pickle makes a tensor of what is no storage".into());
                };
                let view = View {
                    storage: storage.clone(),
                    offset: self.number(&self.values[offset])?,
                    shape: self.numbers(shape)?,
                    strides: self.numbers(strides)?,
                };
                if view.shape.len() != view.strides.len() {
                    return Err("its pickle has a tensor with more or fewer steps than axes".into());
                }
                self.push(Value::Tensor(view))
            }
            (Name::RebuildParameter, &[tensor, ..]) => self.push_again(tensor),
            (Name::Size, &[shape]) => {
                let items = match &self.values[shape] {
                    Value::Tuple(items) | Value::List(items) => items.clone(),
                    _ => return Err("its pickle has no shape where one belongs".into()),
                };
                self.push(Value::Tuple(items))
            }
            (Name::Setting, _) => self.push(Value::Inert),
            _ => Err("its pickle calls a known name with arguments that it does not take".into()),
        }
    }
}

/// A whole number of any length, little-endian with a sign; one that is too long matters to nobody.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > size_of::<i128>() {
        return Value::Inert;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = if negative { [0xff; size_of::<i128>()] } else { [0; size_of::<i128>()] };
    whole[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i128::from_le_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8]) -> Result<Pickle, String> {
        read(&mut &*bytes)
    }

    #[test]
    fn numbers_texts_and_containers() {
        // {'a': [1, 300, -2, 2**40], 'b': (None, True)}, by `pickle.dumps(…, 2)`.
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01M,\x01J\xfe\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01eX\x01\x00\x00\x00bq\x03N\x88\x86q\x04u.";
        let pickle = run(bytes).unwrap();
        let Value::Dict(entries) = pickle.top() else { panic!("{pickle:?}") };
        let keys: Vec<_> = entries.iter().map(|(key, _)| pickle.text(*key).unwrap()).collect();
        assert_eq!(keys, ["a", "b"]);
        let Value::List(list) = &pickle.values[entries[0].1] else { panic!("{pickle:?}") };
        let numbers: Vec<_> = list
            .iter()
            .map(|&id| if let Value::Int(number) = pickle.values[id] { number } else { panic!("{pickle:?}") })
            .collect();
        assert_eq!(numbers, [1, 300, -2, 1 << 40]);
        assert!(matches!(&pickle.values[entries[1].1], Value::Tuple(both) if both.len() == 2));
    }

    #[test]
    fn nothing_is_called_that_is_not_on_the_list() {
        // os.system('…'), the same by protocol 4, and others that have been used in attacks.
        for bytes in [
            &b"cos\nsystem\n(S'true'\ntR."[..],
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
            b"c__builtin__\neval\n(X\x01\x00\x00\x001tR.",
            b"cbuiltins\ngetattr\n.",
            b"ctorch\nload\n.",
            b"ctorch.storage\n_load_from_bytes\n.",
            b"c__torch__\nNet\n.",
        ] {
            let message = run(bytes).unwrap_err();
            assert!(
                message.contains("asks for") && message.contains("nothing of it was executed"),
                "{message}"
            );
        }
        // Instructions that make objects by other ways.
        for bytes in [&b"(ios\nsystem\n."[..], b"\x82\x01.", b"\x81.", b"o.", b"Pkey\n."] {
            assert!(run(bytes).unwrap_err().contains("which no state dict needs"));
        }
    }

    #[test]
    fn damaged_programs_are_refused() {
        for bytes in [
            &b""[..],
            b".",
            b"t.",
            b"a.",
            b"(a.",
            b"]K\x01(a.",
            b"K\x01s.",
            b"h\x00.",
            b"q\x00.",
            b"]K\x01R.",
            b"ccollections\nOrderedDict\nK\x01\x85R.",
            b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
            b"K\x01Q.",
            b"X\xff\xff\xff\xffa.",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.",
            b"\x80\x06N.",
            b"K\x01Nb.",
        ] {
            assert!(run(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn values_are_bounded_and_may_hold_themselves() {
        // A list that holds itself, and one that doubles forty times: by number both are small.
        assert!(run(b"]q\x00h\x00a.").is_ok());
        let mut doubling = b"]q\x00".to_vec();
        for place in 0..40 {
            doubling.extend([b']', b'(', b'h', place, b'h', place, b'e', b'q', place + 1]);
        }
        doubling.push(b'.');
        assert!(run(&doubling).is_ok());
        assert!(run(&b"N".repeat(MOST_VALUES + 2)).unwrap_err().contains("more values"));
        assert!(run(&b"(".repeat(MOST_VALUES + 2)).unwrap_err().contains("more than any"));
    }
}
