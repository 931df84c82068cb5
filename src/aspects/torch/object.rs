//! What a pickle of tensors is made of.

/// The largest number of objects in a pickle, which bounds the memory that a hostile file can take. MASP's files need
/// far fewer (30 tensors make about 500).
pub const MAX_OBJECTS: usize = 100_000;

/// Index of an object in its [`Heap`].
pub type Id = usize;

/// Why a pickle was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleFault {
    #[error("its pickle ends in the middle")]
    Truncated,
    #[error("its pickle holds the instruction {code:#04x} at byte {at}, which no file of tensors needs")]
    Opcode { code: u8, at: usize },
    #[error("its pickle has protocol {0}; 2 to 5 are supported")]
    Protocol(u8),
    #[error("its pickle names {0:?}, which is not supported; nothing of it was imported or called")]
    Global(String),
    #[error("its pickle is malformed: {0}")]
    Malformed(&'static str),
    #[error("its pickle holds more than {MAX_OBJECTS} objects")]
    TooLarge,
}

/// What a storage's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    F16,
    Bf16,
    F32,
    F64,
    U8,
    I8,
    I16,
    I32,
    I64,
}

impl Element {
    /// Whether it is an integer type. Parameters never are.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::U8 | Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// A tensor as a view into a storage; offset and strides count elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorView {
    /// The storage's record is `<root>/data/<key>`.
    pub key: String,
    pub element: Element,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A name that a pickle may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    ParameterDict,
    Set,
    Storage(Element),
}

impl Global {
    /// The known name, or a refusal.
    pub fn find(module: &str, name: &str) -> Result<Self, PickleFault> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch.nn.modules.container", "ParameterDict") => Self::ParameterDict,
            ("__builtin__" | "builtins", "set") => Self::Set,
            ("torch", "HalfStorage") => Self::Storage(Element::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Element::Bf16),
            ("torch", "FloatStorage") => Self::Storage(Element::F32),
            ("torch", "DoubleStorage") => Self::Storage(Element::F64),
            ("torch", "ByteStorage") => Self::Storage(Element::U8),
            ("torch", "CharStorage") => Self::Storage(Element::I8),
            ("torch", "ShortStorage") => Self::Storage(Element::I16),
            ("torch", "IntStorage") => Self::Storage(Element::I32),
            ("torch", "LongStorage") => Self::Storage(Element::I64),
            _ => {
                let full = format!("{module}.{name}");
                return Err(PickleFault::Global(full.chars().take(80).collect()));
            }
        })
    }
}

/// A value of the pickle.
#[derive(Debug)]
pub enum Object {
    None,
    /// A float or a set, whose value is never needed.
    Scalar,
    Truth(bool),
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Tensor(Box<TensorView>),
    Storage {
        key: String,
        element: Element,
    },
    /// A `ParameterDict`, with the id of its parameters once BUILD has set it.
    Parameters(Option<Id>),
    Global(Global),
}

/// All objects of a pickle and which one is its value.
#[derive(Debug)]
pub struct Heap {
    objects: Vec<Object>,
    root: Id,
}

impl Heap {
    pub fn new(objects: Vec<Object>, root: Id) -> Self {
        Self { objects, root }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// All storages with their element types; a storage that is referred to twice occurs twice.
    pub fn storages(&self) -> impl Iterator<Item = (&str, Element)> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage { key, element } => Some((key.as_str(), *element)),
            _ => None,
        })
    }

    /// The pickle's value.
    pub fn root(&self) -> &Object {
        self.get(self.root)
    }

    /// The object of an id that this heap gave.
    pub fn get(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }
}
