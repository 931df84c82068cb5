use super::*;

/// Wall time, step and scalars.
type Event = (f64, u64, Vec<(String, f32)>);

/// The events of a file that hold scalars, checksums checked, without the first.
pub fn read_back(bytes: &[u8]) -> Vec<Event> {
    let records = records(bytes).into_iter();
    let scalars = records.filter(|record| values_of(record).iter().all(|value| field(value, 2).is_some()));
    let mut events: Vec<Event> = scalars.map(event).collect();
    assert_eq!((events[0].1, events[0].2.len()), (0, 0), "the first says the version");
    events.split_off(1)
}

/// The values of a file that have this field (4: a picture, 5: a histogram, 9: a plugin's), with their tags.
pub fn values(bytes: &[u8], number: u64) -> Vec<(String, Vec<u8>)> {
    let values = records(bytes).into_iter().flat_map(values_of);
    let with = values.filter_map(|value| Some((String::from_utf8(field(&value, 1)?).unwrap(), field(&value, number)?)));
    with.collect()
}

/// The steps from which on the run began again.
pub fn restarts(bytes: &[u8]) -> Vec<u64> {
    let logs = records(bytes).into_iter().filter(|record| field(record, 7).is_some());
    logs.map(|record| varint(&mut field(record, 2).unwrap().as_slice()))
        .collect()
}

/// The values of a record's summary.
fn values_of(record: &[u8]) -> Vec<Vec<u8>> {
    let summaries = fields(record).into_iter().filter(|(number, _)| *number == 5);
    summaries
        .flat_map(|(_, summary)| fields(&summary))
        .map(|(_, value)| value)
        .collect()
}

/// A field of a message; the last one where it stands there more than once.
pub fn field(message: &[u8], number: u64) -> Option<Vec<u8>> {
    let found = fields(message).into_iter().rfind(|(of, _)| *of == number);
    found.map(|(_, value)| value)
}

/// The texts of a file, by their tags.
pub fn texts(bytes: &[u8]) -> Vec<(String, String)> {
    let texts = values(bytes, 8).into_iter().filter_map(|(tag, tensor)| {
        let text = field(&tensor, 8)?;
        Some((tag, String::from_utf8(text).unwrap()))
    });
    texts.collect()
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
    let tag = String::from_utf8(field(data, 1).unwrap()).unwrap();
    (tag, f32::from_le_bytes(field(data, 2).unwrap().try_into().unwrap()))
}

pub fn fields(mut data: &[u8]) -> Vec<(u64, Vec<u8>)> {
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

#[test]
fn pictures_histograms_and_settings_are_read_back() {
    let mut file = EventFile::begin(7.0);
    file.picture(8.0, 3, "panel/0", ((12, 5), b"png"));
    file.histogram(8.0, 3, "confidence", &[0.0, 0.26, 0.27, 1.0]);
    let settings = [
        ("seed".to_owned(), Hyperparameter::Number(7.0)),
        ("views".to_owned(), Hyperparameter::Text("scene".to_owned())),
    ];
    file.hyperparameters(7.0, "run", &BTreeMap::from(settings));
    let bytes = file.into_bytes();
    let (tag, picture) = values(&bytes, 4).remove(0);
    assert_eq!(
        (tag.as_str(), field(&picture, 4).unwrap()),
        ("panel/0", b"png".to_vec())
    );
    assert_eq!(
        [field(&picture, 1), field(&picture, 2)],
        [Some(vec![5]), Some(vec![12])]
    );
    let (_, histogram) = values(&bytes, 5).remove(0);
    let doubles = |bytes: Vec<u8>| -> Vec<f64> {
        bytes
            .chunks(8)
            .map(|number| f64::from_le_bytes(number.try_into().unwrap()))
            .collect()
    };
    let (limits, counts) = (
        doubles(field(&histogram, 6).unwrap()),
        doubles(field(&histogram, 7).unwrap()),
    );
    assert_eq!((limits.len(), limits[5], limits[19]), (20, 0.3, 1.0));
    assert_eq!(
        (counts[0], counts[5], counts[19], counts.iter().sum::<f64>()),
        (1.0, 2.0, 1.0, 4.0)
    );
    let (tag, metadata) = values(&bytes, 9).remove(0);
    assert_eq!(tag, "_hparams_/session_start_info");
    let data = field(&field(&metadata, 1).unwrap(), 2).unwrap();
    let start = field(&data, 3).unwrap();
    assert_eq!(field(&start, 4).unwrap(), b"run");
    assert_eq!(fields(&start).iter().filter(|(number, _)| *number == 1).count(), 2);
    assert!(read_back(&bytes).is_empty());
}
