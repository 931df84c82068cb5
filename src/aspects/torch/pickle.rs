//! The few pickle instructions that a file of tensors needs, interpreted as data: nothing is imported or called.
//!
//! Objects live in one list and refer to each other by index, so that a hostile file can neither overflow the stack
//! by nesting nor multiply its size through the memo.

use std::collections::HashMap;

use super::{
    cursor::Cursor,
    object::{Global, Heap, Id, MAX_OBJECTS, Object, PickleFault, TensorView},
};

/// More arguments, dimensions or bytes in a storage's key than any file of tensors has.
const MAX_ARGUMENTS: usize = 8;
const MAX_DIMENSIONS: usize = 8;
const MAX_KEY_BYTES: usize = 64;

type Step<T = ()> = Result<T, PickleFault>;

/// Interprets a pickle of protocol 2 to 5.
///
/// # Errors
/// An instruction or a name that is not known, a malformed or cut-off pickle, too many objects.
pub fn interpret(bytes: &[u8]) -> Step<Heap> {
    let mut machine = Machine {
        cursor: Cursor::new(bytes),
        ..Machine::default()
    };
    loop {
        let at = machine.cursor.position();
        let code = machine.cursor.byte()?;
        if code == b'.' {
            let root = machine.pop()?;
            return Ok(Heap::new(machine.objects, root));
        }
        machine.step(code, at)?;
    }
}

#[derive(Default)]
struct Machine<'a> {
    cursor: Cursor<'a>,
    objects: Vec<Object>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine<'_> {
    fn step(&mut self, code: u8, at: usize) -> Step {
        match code {
            0x80 => self.protocol(),
            // FRAME is a hint for buffering.
            0x95 => self.cursor.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' => self.push(Object::None),
            0x88 | 0x89 => self.push(Object::Scalar),
            b'G' => {
                self.cursor.take(8)?;
                self.push(Object::Scalar)
            }
            b'K' => self.unsigned_integer(1),
            b'M' => self.unsigned_integer(2),
            b'J' => self.signed_integer(4),
            0x8a => {
                let length = self.cursor.byte()?;
                self.signed_integer(length)
            }
            0x8c => self.text(1),
            b'X' => self.text(4),
            0x8d => self.text(8),
            b')' => self.push(Object::Tuple(Vec::new())),
            b']' => self.push(Object::List),
            b'}' => self.push(Object::Dict(Vec::new())),
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.push(Object::Tuple(items))
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Object::Tuple(items))
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            b'a' => self.pop().and_then(|_| self.expect_list()),
            b'e' => self.pop_to_mark().and_then(|_| self.expect_list()),
            b'q' => self.cursor.unsigned(1).and_then(|slot| self.remember(slot)),
            b'r' => self.cursor.unsigned(4).and_then(|slot| self.remember(slot)),
            0x94 => self.remember(self.memo.len() as u64),
            b'h' => self.cursor.unsigned(1).and_then(|slot| self.recall(slot)),
            b'j' => self.cursor.unsigned(4).and_then(|slot| self.recall(slot)),
            b'c' => {
                let module = self.cursor.line()?;
                let name = self.cursor.line()?;
                self.push(Object::Global(Global::find(&module, &name)?))
            }
            0x93 => self.stack_global(),
            b'Q' => self.storage(),
            b'R' => self.reduce(),
            b'b' => self.build(),
            code => Err(PickleFault::Opcode { code, at }),
        }
    }

    fn protocol(&mut self) -> Step {
        match self.cursor.byte()? {
            2..=5 => Ok(()),
            other => Err(PickleFault::Protocol(other)),
        }
    }

    fn unsigned_integer(&mut self, length: u8) -> Step {
        let value = self.cursor.unsigned(length)?;
        self.push(Object::Int(value.cast_signed()))
    }

    fn signed_integer(&mut self, length: u8) -> Step {
        let unused_bits = match length {
            0 => return self.push(Object::Int(0)),
            1..=8 => 64 - 8 * u32::from(length),
            _ => return Err(PickleFault::Malformed("an integer of more than 64 bits")),
        };
        let value = (self.cursor.unsigned(length)? << unused_bits).cast_signed() >> unused_bits;
        self.push(Object::Int(value))
    }

    fn text(&mut self, length_bytes: u8) -> Step {
        let text = self.cursor.text(length_bytes)?;
        self.push(Object::Text(text))
    }

    fn push(&mut self, object: Object) -> Step {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(PickleFault::TooLarge);
        }
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    /// The lowest height that may be popped to: what lies below the last mark is out of reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Step<Id> {
        if self.stack.len() <= self.floor() {
            return Err(PickleFault::Malformed("a value is missing on its stack"));
        }
        self.stack
            .pop()
            .ok_or(PickleFault::Malformed("its stack is empty"))
    }

    fn pop_many(&mut self, count: usize) -> Step<Vec<Id>> {
        match self.stack.len().checked_sub(count) {
            Some(from) if from >= self.floor() => Ok(self.stack.split_off(from)),
            _ => Err(PickleFault::Malformed("values are missing on its stack")),
        }
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(PickleFault::Malformed("a mark is missing")),
        }
    }

    fn top(&self) -> Step<Id> {
        self.stack
            .last()
            .copied()
            .ok_or(PickleFault::Malformed("its stack is empty"))
    }

    fn get(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }

    /// A call's arguments; never many, so that a shared tuple cannot be copied at length again and again.
    fn pop_arguments(&mut self) -> Step<Vec<Id>> {
        let id = self.pop()?;
        match self.get(id) {
            Object::Tuple(items) if items.len() <= MAX_ARGUMENTS => Ok(items.clone()),
            _ => Err(PickleFault::Malformed("arguments that are no short tuple")),
        }
    }

    fn set_items(&mut self, items: &[Id]) -> Step {
        let (pairs, rest) = items.as_chunks::<2>();
        let id = self.top()?;
        match self.objects.get_mut(id) {
            Some(Object::Dict(entries)) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(PickleFault::Malformed(
                "dictionary entries without a dictionary",
            )),
        }
    }

    /// Lists hold nothing that is needed: their items are forgotten.
    fn expect_list(&mut self) -> Step {
        let id = self.top()?;
        match self.get(id) {
            Object::List => Ok(()),
            _ => Err(PickleFault::Malformed("list items without a list")),
        }
    }

    fn remember(&mut self, slot: u64) -> Step {
        let id = self.top()?;
        self.memo.insert(slot, id);
        Ok(())
    }

    fn recall(&mut self, slot: u64) -> Step {
        let id = self.memo.get(&slot).copied();
        self.stack
            .push(id.ok_or(PickleFault::Malformed("a memo slot that was never filled"))?);
        Ok(())
    }

    fn stack_global(&mut self) -> Step {
        let name = self.pop()?;
        let module = self.pop()?;
        let global = match (self.get(module), self.get(name)) {
            (Object::Text(module), Object::Text(name)) => Global::find(module, name)?,
            _ => return Err(PickleFault::Malformed("a name that is no text")),
        };
        self.push(Object::Global(global))
    }

    /// `('storage', <type>, key, location, elements)`: the location (`cpu`, `cuda:0`) does not matter here.
    fn storage(&mut self) -> Step {
        let items = self.pop_arguments()?;
        let object = match items.as_slice() {
            [tag, class, key, _location, _elements, ..] => {
                match (self.get(*tag), self.get(*class), self.get(*key)) {
                    (
                        Object::Text(tag),
                        Object::Global(Global::Storage(element)),
                        Object::Text(key),
                    ) if tag == "storage" && key.len() <= MAX_KEY_BYTES => Object::Storage {
                        key: key.clone(),
                        element: *element,
                    },
                    _ => return Err(PickleFault::Malformed("a storage of another form")),
                }
            }
            _ => return Err(PickleFault::Malformed("a storage of another form")),
        };
        self.push(object)
    }

    fn reduce(&mut self) -> Step {
        let arguments = self.pop_arguments()?;
        let callable = self.pop()?;
        match (self.get(callable), arguments.as_slice()) {
            (Object::Global(Global::OrderedDict), []) => self.push(Object::Dict(Vec::new())),
            (Object::Global(Global::RebuildTensor), [storage, offset, shape, strides, ..]) => {
                let view = self.view(*storage, *offset, *shape, *strides)?;
                self.push(Object::Tensor(Box::new(view)))
            }
            (Object::Global(Global::RebuildParameter), [tensor, ..])
                if matches!(self.get(*tensor), Object::Tensor(_)) =>
            {
                self.stack.push(*tensor);
                Ok(())
            }
            _ => Err(PickleFault::Malformed(
                "a call that no file of tensors needs",
            )),
        }
    }

    /// State set on an ordered dictionary (`_metadata` of a state dict) is not needed.
    fn build(&mut self) -> Step {
        self.pop()?;
        let id = self.top()?;
        match self.get(id) {
            Object::Dict(_) => Ok(()),
            _ => Err(PickleFault::Malformed(
                "state for something that is no dictionary",
            )),
        }
    }

    fn view(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Step<TensorView> {
        let malformed = PickleFault::Malformed("a tensor of another form");
        match (
            self.get(storage),
            self.get(offset),
            self.get(shape),
            self.get(strides),
        ) {
            (
                Object::Storage { key, element },
                Object::Int(offset),
                Object::Tuple(shape),
                Object::Tuple(strides),
            ) if shape.len() == strides.len() && shape.len() <= MAX_DIMENSIONS => Ok(TensorView {
                key: key.clone(),
                element: *element,
                offset: usize::try_from(*offset).map_err(|_| malformed)?,
                shape: self.sizes(shape)?,
                strides: self.sizes(strides)?,
            }),
            _ => Err(malformed),
        }
    }

    fn sizes(&self, ids: &[Id]) -> Step<Vec<usize>> {
        let size = |id: &Id| match self.get(*id) {
            Object::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let sizes: Option<Vec<usize>> = ids.iter().map(size).collect();
        sizes.ok_or(PickleFault::Malformed(
            "a tensor with a negative or missing size",
        ))
    }
}
