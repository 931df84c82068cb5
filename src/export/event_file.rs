//! TensorBoard's event files: scalars, texts, pictures, histograms and hyperparameters.
//!
//! A file is a row of TFRecords (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>), each
//! an `Event` message in protocol buffers' wire format. The fields' numbers are those of TensorFlow's `event.proto` and
//! `summary.proto`, and of the plugin `hparams`. The tests hold both against bytes that TensorBoard itself has written.

use std::collections::BTreeMap;

use crc::{CRC_32_ISCSI, Crc};

use super::protobuf::Message;

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The format version, which a file's first event holds.
const VERSION: &str = "brain.Event:2";

/// The value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Hyperparameter {
    Number(f64),
    Text(String),
    Switch(bool),
}

/// An event file being built.
pub struct EventFile {
    bytes: Vec<u8>,
}

impl EventFile {
    /// A file begun at `time`, in seconds since 1970.
    pub fn begin(time: f64) -> Self {
        let mut event = Message::default();
        event.double(1, time);
        event.bytes(3, VERSION.as_bytes());
        let mut file = Self { bytes: Vec::new() };
        file.record(&event.0);
        file
    }

    /// More events for a file that was begun before.
    pub const fn continued() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The run begins again at `step`: TensorBoard drops the events from there on.
    pub fn restarted(&mut self, time: f64, step: u64) {
        /// `SessionLog.START`.
        const START: u64 = 1;
        let (mut log, mut event) = (Message::default(), Message::default());
        log.varint(1, START);
        event.double(1, time);
        event.varint(2, step);
        event.bytes(7, &log.0);
        self.record(&event.0);
    }

    /// The values of some tags at a step. One that is not finite is written as it is; TensorBoard marks it.
    pub fn scalars(&mut self, time: f64, step: u64, values: &[(String, f64)]) {
        let mut summary = Message::default();
        for (tag, number) in values {
            let mut value = Message::default();
            value.bytes(1, tag.as_bytes());
            value.float(2, *number as f32);
            summary.bytes(1, &value.0);
        }
        let mut event = Message::default();
        event.double(1, time);
        event.varint(2, step);
        event.bytes(5, &summary.0);
        self.record(&event.0);
    }

    /// A text at step 0, in Markdown, as `tf.summary.text` writes it: a tensor of one string with the plugin's name.
    pub fn text(&mut self, time: f64, tag: &str, text: &str) {
        // TensorProto: DT_STRING, a shape of one dimension of one element, the element.
        let (mut dimension, mut shape, mut tensor) = (Message::default(), Message::default(), Message::default());
        dimension.varint(1, 1);
        shape.bytes(2, &dimension.0);
        tensor.varint(1, 7);
        tensor.bytes(2, &shape.0);
        tensor.bytes(8, text.as_bytes());
        // SummaryMetadata: the plugin's name, and that it is a tensor.
        let (mut plugin, mut metadata) = (Message::default(), Message::default());
        plugin.bytes(1, b"text");
        metadata.bytes(1, &plugin.0);
        metadata.varint(4, 2);
        let (mut value, mut summary, mut event) = (Message::default(), Message::default(), Message::default());
        value.bytes(1, tag.as_bytes());
        value.bytes(8, &tensor.0);
        value.bytes(9, &metadata.0);
        summary.bytes(1, &value.0);
        event.double(1, time);
        event.bytes(5, &summary.0);
        self.record(&event.0);
    }

    /// A PNG of this width and height.
    pub fn picture(&mut self, time: f64, step: u64, tag: &str, ((width, height), png): ((u32, u32), &[u8])) {
        /// Red, green, blue.
        const COLORS: u64 = 3;
        let (mut picture, mut value) = (Message::default(), Message::default());
        picture.varint(1, u64::from(height));
        picture.varint(2, u64::from(width));
        picture.varint(3, COLORS);
        picture.bytes(4, png);
        value.bytes(1, tag.as_bytes());
        value.bytes(4, &picture.0);
        self.summary(time, step, &value);
    }

    /// The distribution of numbers from 0 to 1, in twenty parts.
    pub fn histogram(&mut self, time: f64, step: u64, tag: &str, numbers: &[f64]) {
        const PARTS: usize = 20;
        let mut counts = [0.0; PARTS];
        for number in numbers {
            counts[((number.clamp(0.0, 1.0) * PARTS as f64) as usize).min(PARTS - 1)] += 1.0;
        }
        let packed =
            |numbers: &mut dyn Iterator<Item = f64>| -> Vec<u8> { numbers.flat_map(f64::to_le_bytes).collect() };
        let (mut histogram, mut value) = (Message::default(), Message::default());
        histogram.double(1, numbers.iter().copied().fold(f64::INFINITY, f64::min));
        histogram.double(2, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        histogram.double(3, numbers.len() as f64);
        histogram.double(4, numbers.iter().sum());
        histogram.double(5, numbers.iter().map(|number| number * number).sum());
        let limits = (1..=PARTS).map(|part| part as f64 / PARTS as f64);
        histogram.bytes(6, &packed(&mut limits.into_iter()));
        histogram.bytes(7, &packed(&mut counts.into_iter()));
        value.bytes(1, tag.as_bytes());
        value.bytes(5, &histogram.0);
        self.summary(time, step, &value);
    }

    /// A run's settings, as TensorBoard's page `HPARAMS` shows them; `group` names the run there.
    pub fn hyperparameters(&mut self, time: f64, group: &str, settings: &BTreeMap<String, Hyperparameter>) {
        let mut start = Message::default();
        for (name, setting) in settings {
            let (mut entry, mut value) = (Message::default(), Message::default());
            match setting {
                Hyperparameter::Number(number) => value.double(2, *number),
                Hyperparameter::Text(text) => value.bytes(3, text.as_bytes()),
                Hyperparameter::Switch(is) => value.varint(4, u64::from(*is)),
            }
            entry.bytes(1, name.as_bytes());
            entry.bytes(2, &value.0);
            start.bytes(1, &entry.0);
        }
        start.bytes(4, group.as_bytes());
        start.double(5, time);
        // HParamsPluginData, with version 0, which is not written.
        let mut data = Message::default();
        data.bytes(3, &start.0);
        let (mut plugin, mut metadata, mut value) = (Message::default(), Message::default(), Message::default());
        plugin.bytes(1, b"hparams");
        plugin.bytes(2, &data.0);
        metadata.bytes(1, &plugin.0);
        // A tensor that says nothing (DT_FLOAT, one dimension of no element): readers of newer versions want one.
        let (mut dimension, mut shape, mut tensor) = (Message::default(), Message::default(), Message::default());
        dimension.varint(1, 0);
        shape.bytes(2, &dimension.0);
        tensor.varint(1, 1);
        tensor.bytes(2, &shape.0);
        value.bytes(1, b"_hparams_/session_start_info");
        value.bytes(8, &tensor.0);
        value.bytes(9, &metadata.0);
        self.summary(time, 0, &value);
    }

    /// An event that holds one value of a summary.
    fn summary(&mut self, time: f64, step: u64, value: &Message) {
        let (mut summary, mut event) = (Message::default(), Message::default());
        summary.bytes(1, &value.0);
        event.double(1, time);
        event.varint(2, step);
        event.bytes(5, &summary.0);
        self.record(&event.0);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn record(&mut self, data: &[u8]) {
        let length = (data.len() as u64).to_le_bytes();
        self.bytes.extend(length);
        self.bytes.extend(masked(&length).to_le_bytes());
        self.bytes.extend(data);
        self.bytes.extend(masked(data).to_le_bytes());
    }
}

/// The masked checksum that TFRecords store. A plain CRC of data that itself holds CRCs would be a weak check.
fn masked(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
#[path = "event_file_tests.rs"]
pub(super) mod tests;
