//! The calls that a pickle of tensors makes, and the objects that represent their results.

use super::{
    object::{Global, Id, Object, PickleFault, TensorView},
    pickle::{Machine, Step},
};

/// An upper bound on arguments, dimensions and bytes of a storage's key: no file of tensors has more.
const MAX_ARGUMENTS: usize = 8;
const MAX_DIMENSIONS: usize = 8;
const MAX_KEY_BYTES: usize = 64;

impl Machine<'_> {
    pub fn stack_global(&mut self) -> Step {
        let name = self.pop()?;
        let module = self.pop()?;
        let global = match (self.get(module), self.get(name)) {
            (Object::Text(module), Object::Text(name)) => Global::find(module, name)?,
            _ => return Err(PickleFault::Malformed("a name that is not a string")),
        };
        self.push(Object::Global(global))
    }

    /// `('storage', <type>, key, location, elements)`: the location (`cpu`, `cuda:0`) is ignored.
    pub fn storage(&mut self) -> Step {
        let items = self.pop_arguments()?;
        let object = match items.as_slice() {
            [_, _, _, _, _, view, ..] if !matches!(self.get(*view), Object::None) => {
                return Err(PickleFault::Malformed("a storage that is a view of another one"));
            }
            [tag, class, key, _location, _elements, ..] => match (self.get(*tag), self.get(*class), self.get(*key)) {
                (Object::Text(tag), Object::Global(Global::Storage(element)), Object::Text(key))
                    if tag == "storage" && key.len() <= MAX_KEY_BYTES =>
                {
                    Object::Storage {
                        key: key.clone(),
                        element: *element,
                    }
                }
                _ => {
                    return Err(PickleFault::Malformed(
                        "a storage with arguments that torch.save does not write",
                    ));
                }
            },
            _ => {
                return Err(PickleFault::Malformed(
                    "a storage with arguments that torch.save does not write",
                ));
            }
        };
        self.push(object)
    }

    pub fn reduce(&mut self) -> Step {
        let arguments = self.pop_arguments()?;
        let callable = self.pop()?;
        match (self.get(callable), arguments.as_slice()) {
            (Object::Global(Global::OrderedDict), []) => self.push(Object::Dict(Vec::new())),
            // Module hooks contain sets; their content is not read.
            (Object::Global(Global::Set), [_] | []) => self.push(Object::Scalar),
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
            _ => Err(PickleFault::Malformed("a call that no file of tensors needs")),
        }
    }

    /// Creates an empty `ParameterDict`. All other classes are refused, and no class is ever called.
    pub fn new_object(&mut self) -> Step {
        let arguments = self.pop_arguments()?;
        let class = self.pop()?;
        match (self.get(class), arguments.as_slice()) {
            (Object::Global(Global::ParameterDict), []) => self.push(Object::Parameters(None)),
            _ => Err(PickleFault::Malformed("an object that no file of tensors needs")),
        }
    }

    /// Handles BUILD. The state of an ordered dictionary (`_metadata` of a state dict) is ignored. From the state of a
    /// `ParameterDict` only its parameters are taken.
    pub fn build(&mut self) -> Step {
        let state = self.pop()?;
        let id = self.top()?;
        match self.get(id) {
            Object::Dict(_) => Ok(()),
            Object::Parameters(_) => {
                let Object::Dict(entries) = self.get(state) else {
                    return Err(PickleFault::Malformed(
                        "a ParameterDict with a state that torch.save does not write",
                    ));
                };
                let is_wanted = |key: Id| matches!(self.get(key), Object::Text(text) if text == "_parameters");
                let found = entries.iter().find(|(key, _)| is_wanted(*key)).map(|(_, value)| *value);
                let parameters = found.ok_or(PickleFault::Malformed("a ParameterDict without parameters"))?;
                self.set_parameters(id, parameters);
                Ok(())
            }
            _ => Err(PickleFault::Malformed("state for something that is not a dictionary")),
        }
    }

    fn view(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Step<TensorView> {
        let malformed = PickleFault::Malformed("a tensor with arguments that torch.save does not write");
        match (self.get(storage), self.get(offset), self.get(shape), self.get(strides)) {
            (Object::Storage { key, element }, Object::Int(offset), Object::Tuple(shape), Object::Tuple(strides))
                if shape.len() == strides.len() && shape.len() <= MAX_DIMENSIONS =>
            {
                Ok(TensorView {
                    key: key.clone(),
                    element: *element,
                    offset: usize::try_from(*offset).map_err(|_| malformed)?,
                    shape: self.sizes(shape)?,
                    strides: self.sizes(strides)?,
                })
            }
            _ => Err(malformed),
        }
    }

    fn sizes(&self, ids: &[Id]) -> Step<Vec<usize>> {
        let size = |id: &Id| match self.get(*id) {
            Object::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let sizes: Option<Vec<usize>> = ids.iter().map(size).collect();
        sizes.ok_or(PickleFault::Malformed("a tensor with a negative or missing size"))
    }

    /// Pops a call's arguments. Their number is limited, so that a hostile file cannot have a shared, long tuple copied
    /// again and again.
    fn pop_arguments(&mut self) -> Step<Vec<Id>> {
        let id = self.pop()?;
        match self.get(id) {
            Object::Tuple(items) if items.len() <= MAX_ARGUMENTS => Ok(items.clone()),
            _ => Err(PickleFault::Malformed("arguments that are not a short tuple")),
        }
    }
}
