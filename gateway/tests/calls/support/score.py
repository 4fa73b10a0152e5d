"""Scores speech that is said over and over: for each time that it is heard as a whole, prints PESQ
(ITU-T P.862, narrow band) and the gain in dB.

usage: score.py REFERENCE.wav HEARD.wav, both mono at 8 kHz
"""

import sys

import numpy
from pesq import pesq
from scipy.io import wavfile
from scipy.signal import correlate


def read(path):
    rate, samples = wavfile.read(path)
    assert rate == 8000, f"{path} has {rate} Hz"
    return samples.astype(float)


def power(samples):
    return numpy.mean(samples**2) + 1e-9


reference, heard = read(sys.argv[1]), read(sys.argv[2])
# High where the reference begins in what was heard, as far as the whole of it fits.
likeness = correlate(heard, reference, mode="valid", method="fft")
floor = likeness.max() / 3
while likeness.max() > floor:
    start = int(numpy.argmax(likeness))
    part = heard[start : start + len(reference)]
    print(pesq(8000, reference, part, "nb"), 10 * numpy.log10(power(part) / power(reference)))
    likeness[max(0, start - len(reference) // 2) : start + len(reference) // 2] = 0
