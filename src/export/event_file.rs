//! TensorBoard's event files, limited to scalars and one text.
//!
//! A file is a row of TFRecords (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>), each
//! an `Event` message in protocol buffers' wire format. The fields' numbers are those of TensorFlow's `event.proto` and
//! `summary.proto`. The tests hold both against bytes that TensorBoard itself has written.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The format version, which a file's first event holds.
const VERSION: &str = "brain.Event:2";

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

/// A message of protocol buffers: each field with its number and wire type before it.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.number(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.number(field << 3 | wire_type);
    }

    /// Seven bits per byte, the lowest first.
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Wall time, step and scalars.
    type Event = (f64, u64, Vec<(String, f32)>);

    /// The events of a file, checksums checked, without the first.
    pub fn read_back(bytes: &[u8]) -> Vec<Event> {
        let events = records(bytes).into_iter().map(event);
        let mut events: Vec<Event> = events
            .filter(|(.., values)| values.iter().all(|(tag, _)| tag != "masp"))
            .collect();
        assert_eq!((events[0].1, events[0].2.len()), (0, 0), "the first says the version");
        events.split_off(1)
    }

    /// The texts of a file, by their tags.
    pub fn texts(bytes: &[u8]) -> Vec<(String, String)> {
        let text = |value: &[u8]| {
            let fields = fields(value);
            let of = |number: u64| {
                fields
                    .iter()
                    .find(|(field, _)| *field == number)
                    .map(|(_, value)| value.clone())
            };
            let tensor = tests::fields(&of(8)?);
            let text = tensor.iter().find(|(field, _)| *field == 8)?.1.clone();
            Some((String::from_utf8(of(1)?).unwrap(), String::from_utf8(text).unwrap()))
        };
        let summaries = records(bytes)
            .into_iter()
            .flat_map(fields)
            .filter(|(field, _)| *field == 5);
        let values = summaries.flat_map(|(_, summary)| fields(&summary));
        values.filter_map(|(_, value)| text(&value)).collect()
    }

    /// The records' data, checksums checked.
    fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_at(8);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked(length).to_le_bytes());
            let (data, rest) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked(data).to_le_bytes());
            records.push(data);
            bytes = rest;
        }
        records
    }

    fn event(data: &[u8]) -> (f64, u64, Vec<(String, f32)>) {
        let mut event = (0.0, 0, Vec::new());
        for (field, value) in fields(data) {
            match field {
                1 => event.0 = f64::from_le_bytes(value.try_into().unwrap()),
                2 => event.1 = varint(&mut value.as_slice()),
                3 => assert_eq!(value, VERSION.as_bytes()),
                _ => event
                    .2
                    .extend(fields(&value).into_iter().map(|(_, value)| scalar(&value))),
            }
        }
        event
    }

    fn scalar(data: &[u8]) -> (String, f32) {
        let fields = fields(data);
        let tag = String::from_utf8(fields[0].1.clone()).unwrap();
        // A text has a tensor in the number's place.
        let number = fields[1].1.clone().try_into().map_or(f32::NAN, f32::from_le_bytes);
        (tag, number)
    }

    fn fields(mut data: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut fields = Vec::new();
        while !data.is_empty() {
            let key = varint(&mut data);
            let length = match key & 7 {
                0 => {
                    let before = data;
                    varint(&mut data);
                    let length = before.len() - data.len();
                    data = before;
                    length
                }
                1 => 8,
                2 => varint(&mut data) as usize,
                _ => 4,
            };
            let (value, rest) = data.split_at(length);
            fields.push((key >> 3, value.to_owned()));
            data = rest;
        }
        fields
    }

    fn varint(data: &mut &[u8]) -> u64 {
        let mut value = 0;
        for place in 0.. {
            let (byte, rest) = data.split_first().unwrap();
            *data = rest;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 3720, B.4.
    #[test]
    fn checksums_match_the_standard() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(CRC.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CRC.checksum(&[0xff; 32]), 0x62a8_ab43);
    }

    /// What TensorBoard 2.21's `RecordWriter` makes of the same two events.
    #[test]
    fn records_equal_tensorboards_byte_for_byte() {
        let mut file = EventFile::begin(1.5);
        let first = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c";
        assert_eq!(hex(&file.bytes), first);
        let values = [("prompt/loss".to_owned(), 0.75), ("prompt/lr".to_owned(), 1e-4)];
        file.scalars(1_700_000_000.25, 300, &values);
        let second = "34000000000000005e33175c0900001040fc54d94110ac022a260a120a0b70726f6d70742f6c6f7373150000403f\
                      0a100a0970726f6d70742f6c721517b7d1384b033e83";
        assert_eq!(hex(&file.bytes), format!("{first}{second}"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut file = EventFile::begin(7.0);
        file.scalars(8.0, u64::MAX >> 1, &[("a".repeat(200), f64::NAN)]);
        file.scalars(9.0, 0, &[]);
        let events = read_back(&file.into_bytes());
        let (time, step, values) = &events[0];
        assert_eq!((*time, *step, values[0].0.len()), (8.0, u64::MAX >> 1, 200));
        assert!(values[0].1.is_nan());
        assert_eq!(events[1], (9.0, 0, Vec::new()));
    }
}
