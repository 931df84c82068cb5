//! The CUDA cards that the driver shows, and whether this program's kernels run on them.

use std::fmt;

use candle_core::Device;

use super::target::{self, Target};
use crate::nn::{self, DeviceMemory};

/// The driver's variable that hides cards and gives the others their indices.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// What the driver says of itself and of the cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// The newest CUDA version that it supports: major, minor.
    pub version: (u32, u32),
    /// By their indices.
    pub cards: Vec<Card>,
}

/// A card, as the driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub index: usize,
    pub name: String,
    /// Compute capability: major, minor.
    pub capability: (u32, u32),
    /// `None` where the card cannot be opened.
    pub memory: Option<DeviceMemory>,
}

/// Why no card, or not the one asked for, can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    #[error("this program was built without CUDA; build it with `cargo build --release --features cuda`")]
    NotBuiltIn,
    #[error("no card can be used: {0}{visible}", visible = Visible::now())]
    NoCard(String),
    #[error("there is no card {index}: the driver shows {}{visible}", list(.cards), visible = Visible::now())]
    NoSuchCard { index: usize, cards: Vec<Card> },
    #[error(
        "this program's kernels are compiled for compute capability {compiled}, and card {index} ({name}) has {}.{}; {}",
        .capability.0, .capability.1, target::how_to_build(*.capability)
    )]
    OtherCapability {
        index: usize,
        name: String,
        capability: (u32, u32),
        compiled: Target,
    },
    #[error(
        "this program was built with a newer CUDA toolkit than the driver supports (CUDA {}.{}): update the driver, or build \
         with an older toolkit", .0.0, .0.1
    )]
    OldDriver((u32, u32)),
    #[error("card {index} ({name}) cannot be used: {said}{visible}", visible = Visible::now())]
    Failed { index: usize, name: String, said: String },
}

impl CardError {
    /// Whether there is simply no card to be used, as on most machines.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        matches!(self, Self::NotBuiltIn | Self::NoCard(_))
    }
}

/// The card at `index`, ready for work: its capability fits the kernels in this program, and one of them has run.
///
/// # Errors
/// [`CardError`].
pub fn open(index: usize) -> Result<Device, CardError> {
    let driver = driver()?;
    let Some(card) = driver.cards.iter().find(|card| card.index == index) else {
        return Err(CardError::NoSuchCard {
            index,
            cards: driver.cards,
        });
    };
    fits(card, target::compiled())?;
    let failed = |error: candle_core::Error| {
        let said = nn::without_backtrace(error).to_string();
        // A kernel's PTX has a version, too.
        if said.contains("UNSUPPORTED_PTX_VERSION") {
            return CardError::OldDriver(driver.version);
        }
        CardError::Failed {
            index,
            name: card.name.clone(),
            said,
        }
    };
    let device = Device::new_cuda(index).map_err(failed)?;
    run_a_kernel(&device).map_err(failed)?;
    Ok(device)
}

/// # Errors
/// If kernels that are compiled for `compiled` do not run on the card.
fn fits(card: &Card, compiled: Option<Target>) -> Result<(), CardError> {
    match compiled {
        Some(compiled) if !compiled.runs_on(card.capability) => Err(CardError::OtherCapability {
            index: card.index,
            name: card.name.clone(),
            capability: card.capability,
            compiled,
        }),
        _ => Ok(()),
    }
}

/// Starts one of candle's kernels and waits for it. Its result does not matter.
fn run_a_kernel(device: &Device) -> candle_core::Result<()> {
    let x = candle_core::Tensor::new(&[1f32, 2.0], device)?;
    (x * 3.0)?.to_vec1::<f32>()?;
    Ok(())
}

/// What the driver says; only of cards that it shows.
///
/// # Errors
/// Where the program was built without CUDA, there is no driver, or the driver shows no card.
pub fn driver() -> Result<Driver, CardError> {
    // The bindings panic if a function is missing from the driver's library.
    let asked = std::panic::catch_unwind(ask);
    let driver = asked.unwrap_or_else(|_| Err(CardError::NoCard("the driver's library is too old".to_owned())))?;
    if driver.cards.is_empty() {
        return Err(CardError::NoCard("the driver shows none".to_owned()));
    }
    Ok(driver)
}

#[cfg(not(feature = "cuda"))]
const fn ask() -> Result<Driver, CardError> {
    Err(CardError::NotBuiltIn)
}

#[cfg(feature = "cuda")]
#[allow(unsafe_code, reason = "the driver's functions are C")]
fn ask() -> Result<Driver, CardError> {
    use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys};

    let failed = |error: DriverError| CardError::NoCard(error.to_string());
    result::init().map_err(failed)?;
    let mut version = 0;
    // SAFETY: the driver writes a number during the call.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }
        .result()
        .map_err(failed)?;
    let count = result::device::get_count().map_err(failed)?;
    let cards = (0..count).map(|index| {
        let device = result::device::get(index)?;
        let attribute = |attribute| {
            // SAFETY: the device was just given by the driver.
            unsafe { result::device::get_attribute(device, attribute) }
        };
        Ok(Card {
            index: index as usize,
            name: result::device::get_name(device)?,
            capability: (
                attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)? as u32,
                attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)? as u32,
            ),
            memory: None,
        })
    });
    Ok(Driver {
        version: (version as u32 / 1000, version as u32 % 1000 / 10),
        cards: cards.collect::<Result<_, DriverError>>().map_err(failed)?,
    })
}

/// The driver's cards with their memory, each of which is opened for a moment.
///
/// # Errors
/// As [`driver`].
pub fn driver_with_memory() -> Result<Driver, CardError> {
    let mut driver = driver()?;
    for card in &mut driver.cards {
        card.memory = memory(card.index);
    }
    Ok(driver)
}

#[cfg(not(feature = "cuda"))]
const fn memory(_: usize) -> Option<DeviceMemory> {
    None
}

#[cfg(feature = "cuda")]
fn memory(index: usize) -> Option<DeviceMemory> {
    let context = candle_core::cuda_backend::cudarc::driver::CudaContext::new(index).ok()?;
    let (free, total) = context.mem_get_info().ok()?;
    Some(DeviceMemory {
        free: free as u64,
        total: total as u64,
    })
}

/// `0 (NVIDIA H100), 1 (NVIDIA A100)`.
fn list(cards: &[Card]) -> String {
    let named = cards.iter().map(|card| format!("{} ({})", card.index, card.name));
    named.collect::<Vec<_>>().join(", ")
}

/// The end of a sentence that names the variable which hides cards, where it is set.
struct Visible(Option<String>);

impl Visible {
    fn now() -> Self {
        Self(std::env::var(VISIBLE).ok())
    }
}

impl fmt::Display for Visible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => write!(
                f,
                "; {VISIBLE}={} hides all others, and cards are counted among those that it names",
                crate::printable::printable(value)
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(index: usize, name: &str, capability: (u32, u32)) -> Card {
        Card {
            index,
            name: name.to_owned(),
            capability,
            memory: None,
        }
    }

    #[test]
    fn a_card_of_another_capability_is_refused_with_the_build_that_fits() {
        let hopper = Target::of_ptx(".target sm_90a");
        assert_eq!(fits(&card(0, "H100", (9, 0)), hopper), Ok(()));
        let refused = fits(&card(1, "A100", (8, 0)), hopper).unwrap_err();
        assert!(!refused.is_absence());
        let said = refused.to_string();
        for word in ["9.0 alone", "card 1 (A100) has 8.0", "CUDA_COMPUTE_CAP=80"] {
            assert!(said.contains(word), "{said}");
        }
        // Only this makes the kernels of a build for all newer cards run on a Hopper card.
        assert_eq!(fits(&card(0, "H100", (9, 0)), Target::of_ptx(".target sm_80")), Ok(()));
    }

    #[test]
    fn a_card_that_is_not_there_is_answered_with_those_that_are() {
        let refused = CardError::NoSuchCard {
            index: 2,
            cards: vec![card(0, "H100", (9, 0)), card(1, "A100", (8, 0))],
        };
        let said = refused.to_string();
        assert!(
            said.contains("no card 2: the driver shows 0 (H100), 1 (A100)"),
            "{said}"
        );
        assert!(
            Visible(Some("3".to_owned()))
                .to_string()
                .contains("CUDA_VISIBLE_DEVICES=3 hides")
        );
        assert!(Visible(None).to_string().is_empty());
    }
}
