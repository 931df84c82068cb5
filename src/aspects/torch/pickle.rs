//! The few pickle instructions that a file of tensors needs, interpreted as data: nothing is imported or called.
//!
//! Objects live in one list and refer to each other by index, so that a hostile file can neither overflow the stack
//! by nesting nor multiply its size through the memo.

use std::collections::HashMap;

use super::{
    cursor::Cursor,
    object::{Global, Heap, Id, MAX_OBJECTS, Object, PickleFault},
};

pub type Step<T = ()> = Result<T, PickleFault>;

/// Interprets a pickle of protocol 2 to 5.
///
/// # Errors
/// An instruction or a name that is not known, a malformed or cut-off pickle, too many objects.
pub fn interpret(bytes: &[u8]) -> Step<Heap> {
    interpret_first(bytes).map(|(heap, _)| heap)
}

/// Interprets the pickle that `bytes` begin with, and tells where it ends.
///
/// # Errors
/// As [`interpret`].
pub fn interpret_first(bytes: &[u8]) -> Step<(Heap, usize)> {
    let mut machine = Machine {
        cursor: Cursor::new(bytes),
        ..Machine::default()
    };
    loop {
        let at = machine.cursor.position();
        let code = machine.cursor.byte()?;
        if code == b'.' {
            let root = machine.pop()?;
            return Ok((Heap::new(machine.objects, root), at + 1));
        }
        machine.step(code, at)?;
    }
}

/// The interpreter's state.
#[derive(Default)]
pub struct Machine<'a> {
    cursor: Cursor<'a>,
    objects: Vec<Object>,
    pub stack: Vec<Id>,
    /// Heights of the stack at the marks that are still open.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine<'_> {
    fn step(&mut self, code: u8, at: usize) -> Step {
        match code {
            0x80 => self.protocol(),
            // FRAME is only a hint for buffering, so it is skipped.
            0x95 => self.cursor.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' => self.push(Object::None),
            0x88 | 0x89 => self.push(Object::Truth(code == 0x88)),
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
            b']' => self.push(Object::List(Vec::new())),
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
            b'a' => self.pop().and_then(|item| self.append(&[item])),
            b'e' => self.pop_to_mark().and_then(|items| self.append(&items)),
            0x81 => self.new_object(),
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

    pub fn push(&mut self, object: Object) -> Step {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(PickleFault::TooLarge);
        }
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    /// The lowest height to which the stack may be popped: objects below the last mark are out of reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub fn pop(&mut self) -> Step<Id> {
        if self.stack.len() <= self.floor() {
            return Err(PickleFault::Malformed("a value is missing on its stack"));
        }
        self.stack.pop().ok_or(PickleFault::Malformed("its stack is empty"))
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

    pub fn top(&self) -> Step<Id> {
        self.stack
            .last()
            .copied()
            .ok_or(PickleFault::Malformed("its stack is empty"))
    }

    /// Sets the parameters of the `ParameterDict` at `id`.
    pub fn set_parameters(&mut self, id: Id, parameters: Id) {
        if let Some(Object::Parameters(place)) = self.objects.get_mut(id) {
            *place = Some(parameters);
        }
    }

    pub fn get(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }

    fn set_items(&mut self, items: &[Id]) -> Step {
        let (pairs, rest) = items.as_chunks::<2>();
        let id = self.top()?;
        match self.objects.get_mut(id) {
            Some(Object::Dict(entries)) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(PickleFault::Malformed("dictionary entries without a dictionary")),
        }
    }

    fn append(&mut self, items: &[Id]) -> Step {
        let id = self.top()?;
        match self.objects.get_mut(id) {
            Some(Object::List(list)) => {
                list.extend(items);
                Ok(())
            }
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
}
