import numpy as np
import pytest
from raster_files import open_raster, write_raster

from eomoo.errors import DataError
from eomoo.images import read_raster
from eomoo.images.rasters import RASTERS, Grid, Raster, check_claim

rasterio = pytest.importorskip("rasterio", reason="the extra 'live' is not installed")


@pytest.fixture
def bands():
    return np.random.default_rng(0).normal(1000, 50, (4, 7, 9)).astype(np.float32)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("compress", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("kind", ["float32", "uint16", "int16", "uint8"])
def test_bands_are_read_however_they_lie_in_the_file(tmp_path, bands, interleave, compress, kind):
    values = (bands / 10).astype(kind)
    path = write_raster(tmp_path / "s.tif", values, interleave=interleave, compress=compress)
    read, valid, grid = read_raster(path)
    assert (read == values).all()
    assert valid.all()
    assert (grid.shape, grid.crs, grid.transform) == ((7, 9), "", ())
    assert (read_raster(path, bands=[3, 1])[0] == values[[2, 0]]).all()


@pytest.mark.parametrize("nodata", [-9999.0, -3.4028234663852886e38, float("nan"), 0.0])
def test_values_without_data_are_masked_as_rasterio_does(tmp_path, bands, nodata):
    bands[1, 2, 3] = nodata
    path = write_raster(tmp_path / "s.tif", bands, nodata=nodata)
    values, valid, _ = read_raster(path)
    with open_raster(path) as file:
        expected = file.read_masks() > 0
    assert (valid == expected).all()
    assert np.argwhere(~valid).tolist() == [[1, 2, 3]]
    assert values[1, 2, 3] == 0


def test_a_rounded_nodata_tag_is_meant_as_it_is(tmp_path, bands):
    """Tags hold text: -3.40282e+38 stands for the least number of single precision."""
    bands[0, 0, 0] = np.finfo(np.float32).min
    path = write_raster(tmp_path / "s.tif", bands, nodata=-3.40282e38)
    with open_raster(path) as file:
        assert file.nodata != np.finfo(np.float32).min
    assert not read_raster(path)[1][0, 0, 0]


def test_what_is_not_finite_has_no_data_whatever_the_tag(tmp_path, bands):
    bands[0, 1, 1], bands[3, 2, 2] = np.nan, np.inf
    _, valid, _ = read_raster(write_raster(tmp_path / "s.tif", bands, nodata=-1))
    assert np.argwhere(~valid).tolist() == [[0, 1, 1], [3, 2, 2]]


def test_a_mask_inside_of_the_file_counts_for_all_bands(tmp_path, bands):
    mask = np.ones((7, 9), dtype=bool)
    mask[4, 5] = False
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = write_raster(tmp_path / "s.tif", bands, mask=mask)
    assert (read_raster(path)[1] == mask).all()


def test_a_fourth_band_of_bytes_is_a_band_even_where_gdal_takes_it_for_alpha(tmp_path, bands):
    values = (bands / 10).astype(np.uint8)
    values[3, 1, 1] = 0
    path = write_raster(tmp_path / "s.tif", values)
    with open_raster(path) as file:
        assert file.colorinterp[3].name == "alpha"
    read, valid, _ = read_raster(path)
    assert (read == values).all()
    assert valid.all()


@pytest.mark.parametrize(("name", "driver"), [("s.png", "PNG"), ("s.tif", "GTiff")])
def test_numbers_of_a_palette_are_classes_or_the_colours_that_they_stand_for(tmp_path, name, driver):
    codes = np.arange(63, dtype=np.uint8).reshape(7, 9)
    path = write_raster(tmp_path / name, codes, driver=driver, palette={k: (k, 100 + k, 7, 255) for k in range(63)})
    assert (read_raster(path, codes=True)[0][0] == codes).all()
    colors, valid, _ = read_raster(path)
    assert valid.all()
    assert (colors == np.stack((codes, 100 + codes, np.full_like(codes, 7)))).all()
    assert (read_raster(path, bands=[2])[0] == 100 + codes).all()
    with pytest.raises(ValueError, match="has 3 bands; there is no band 4"):
        read_raster(path, bands=[4])


def test_the_alpha_band_of_a_png_is_its_mask(tmp_path, bands):
    values = (bands / 10).astype(np.uint8)
    values[3] = 255
    values[3, 1, 2] = 0
    read, valid, _ = read_raster(write_raster(tmp_path / "s.png", values, driver="PNG"))
    assert np.argwhere(~valid[1]).tolist() == [[1, 2]]
    assert (read[valid] == values[:3][valid]).all()


def test_rows_are_read_as_they_lie_in_the_whole(tmp_path, bands):
    bands[1, 3, 4] = -1
    with Raster(write_raster(tmp_path / "s.tif", bands, nodata=-1), bands=[4, 2]) as file:
        (whole, known), (part, there) = file.read(), file.read((2, 5))
    assert (part == whole[:, 2:5]).all()
    assert (there == known[:, 2:5]).all()
    assert np.argwhere(~there).tolist() == [[1, 1, 4]]


def test_a_small_file_that_claims_much_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "s.tif"
    write = {"driver": "GTiff", "count": 3, "height": 60_000, "width": 60_000, "dtype": "uint8"}
    with open_raster(path, mode="w", tiled=True, sparse_ok=True, compress="deflate", **write):
        pass
    with pytest.raises(ValueError, match=r"claims 41,199 MiB of values, far more than a file of its size"):
        read_raster(path)
    with pytest.raises(ValueError, match="claims 10,300 MiB"):
        read_raster(path, codes=True)
    check_claim(path, 100 * path.stat().st_size)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.tif", b"no picture"),
        ("s.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        ("s.jpg", b""),
        # A list of other files, which GDAL would open.
        ("s.tif", b'<VRTDataset rasterXSize="9" rasterYSize="7"></VRTDataset>'),
    ],
)
def test_other_files_give_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is no readable raster file") as caught:
        read_raster(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_in_utf_8_is_told(tmp_path, bands):
    named = tmp_path / "gr\udcfcn.tif"
    write_raster(tmp_path / "s.tif", bands)
    (tmp_path / "s.tif").rename(named)
    with pytest.raises(ValueError, match=r"the name of .*n\.tif is not in UTF-8, which rasterio needs; rename it"):
        read_raster(named)


def test_a_file_that_ends_too_early_is_told_in_the_reader_s_own_words(tmp_path, bands):
    path = write_raster(tmp_path / "cut.tif", bands)
    path.write_bytes(path.read_bytes()[: path.stat().st_size - 40])
    with pytest.raises(ValueError, match=r"cut\.tif is no readable raster file: .*band \d") as caught:
        read_raster(path)
    assert "previous exception" not in str(caught.value)


@pytest.mark.parametrize("share", [0.9, 0.5])
@pytest.mark.parametrize(
    ("driver", "kind"),
    [("PNG", "uint8"), ("PNG", "uint16"), ("JPEG", "uint8"), ("JP2OpenJPEG", "uint16"), ("GTiff", "uint8")],
)
def test_an_image_that_was_cut_off_is_refused(tmp_path, driver, kind, share):
    """GDAL gives zeros for the rest of a PNG of bytes, unless it is read by rows."""
    pixels = np.random.default_rng(0).integers(1, 255, (3, 32, 32)).astype(kind)
    ending = next(ending for ending, name in RASTERS.items() if name == driver)
    path = write_raster(tmp_path / f"image{ending}", pixels, driver=driver)
    whole, _, _ = read_raster(path)
    assert whole.shape == pixels.shape
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="is no readable raster file"):
        read_raster(path)


def test_complex_numbers_and_bands_beyond_the_last_are_refused(tmp_path, bands):
    path = write_raster(tmp_path / "c.tif", bands.astype(np.complex64))
    with pytest.raises(ValueError, match="holds complex numbers"):
        read_raster(path)
    with pytest.raises(ValueError, match="has 4 bands; there is no band 5"):
        read_raster(path, bands=[1, 5])
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.tif"):
        read_raster(tmp_path / "none.tif")


def test_pixels_of_a_coarser_grid_lie_where_those_are_that_they_cover():
    """Rotated, all six numbers of the transform count."""

    def corner(grid, row, column):
        a, b, c, d, e, f = grid.transform
        return a * column + b * row + c, d * column + e * row + f

    grid = Grid(shape=(7, 9), crs="", transform=(8.0, 6.0, 500.0, 5.0, -9.0, 900.0))
    coarse = grid.coarser(3)
    assert coarse.shape == (3, 3)
    assert corner(coarse, 1, 2) == corner(grid, 3, 6)
    assert corner(coarse, 2, 0) == corner(grid, 6, 0)
