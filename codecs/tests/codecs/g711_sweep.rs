//! G.711 against the ITU-T software tool library: every 16-bit sample there is.

use std::path::Path;
use webtrunk_codecs::g711::Law;

#[test]
fn every_sample_gets_the_code_and_every_code_the_sample_of_the_itu_library() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/g711"));
    if !folder.exists() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "the ITU sweep is missing: {}",
            folder.display()
        );
        eprintln!("passed over: no ITU sweep at {}", folder.display());
        return;
    }
    let samples = words(&folder.join("sweep.src"));
    assert_eq!(samples.len(), 1 << 16);
    for (law, codes, decoded) in [(Law::Mu, "sweep-r.u", "sweep-r.u-u"), (Law::A, "sweep-r.a", "sweep-r.a-a")]
    {
        let (codes, decoded) = (words(&folder.join(codes)), words(&folder.join(decoded)));
        assert_eq!((codes.len(), decoded.len()), (1 << 16, 1 << 16));
        for ((&sample, &code), &decoded) in samples.iter().zip(&codes).zip(&decoded) {
            let code = u8::try_from(code).expect("the code is in the low byte");
            assert_eq!(law.encode(sample), code, "{law:?} code of {sample}");
            assert_eq!(law.decode(code), decoded, "{law:?} sample of {code:#04x}");
        }
    }
}

fn words(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
