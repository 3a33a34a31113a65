// Lists of videos in the formats in which data sets are published, with lines as they are there.
#include "runtime/Data/ClassNames.h"
#include "runtime/Data/VideoList.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

using namespace kinema;
using namespace kinema::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class ListFormatsTest : public testing::Test {
protected:
  void write(const std::string &name, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(folder / name).parent_path());
    writeText(folder / name, text);
  }
  VideoList read(const std::string &name) { return readVideoList(folder / name, options); }
  std::string refused(const std::string &name) {
    return errorOf([&] { read(name); });
  }
  // Returns what is said of a list, without the folder.
  std::string said(const VideoList &list) { return describe(list).substr(folder.path.string().size() + 1); }
  static std::vector<int32_t> labels(const VideoList &list) {
    std::vector<int32_t> found;
    for (const LabelledVideo &video : list.videos)
      found.push_back(video.label);
    return found;
  }
  // Returns the paths of the videos, those in the folder without it.
  std::vector<std::string> paths(const VideoList &list) {
    std::vector<std::string> found;
    for (const LabelledVideo &video : list.videos)
      found.push_back(std::filesystem::path(video.path).lexically_relative(folder.path).string());
    return found;
  }

  TemporaryFolder folder;
  ListOptions options;
};

constexpr const char *classInd = "1 ApplyEyeMakeup\r\n2 ApplyLipstick\r\n3 Archery\r\n";
constexpr const char *trainlist = "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\n"
                                  "ApplyLipstick/v_ApplyLipstick_g08_c02.avi 2\r\n"
                                  "Archery/v_Archery_g25_c07.avi 3\r\n";
constexpr const char *testlist = "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\n"
                                 "Archery/v_Archery_g01_c01.avi\r\n";

TEST_F(ListFormatsTest, Ucf101) {
  write("ucfTrainTestlist/classInd.txt", classInd);
  write("ucfTrainTestlist/trainlist01.txt", trainlist);
  write("ucfTrainTestlist/testlist01.txt", testlist);
  std::filesystem::create_directory(folder / "UCF-101");
  options.root = folder / "UCF-101";
  options.classes = 3;
  VideoList train = read("ucfTrainTestlist/trainlist01.txt");
  EXPECT_EQ(said(train),
            "ucfTrainTestlist/trainlist01.txt: UCF101 split, labels from 1: 3 videos, 3 classes");
  EXPECT_THAT(labels(train), ElementsAre(0, 1, 2));
  EXPECT_THAT(paths(train)[0], "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi");
  EXPECT_THAT(train.classes, ElementsAre("ApplyEyeMakeup", "ApplyLipstick", "Archery"));
  EXPECT_EQ(labelRemark(train), "");
  VideoList test = read("ucfTrainTestlist/testlist01.txt");
  EXPECT_THAT(labels(test), ElementsAre(0, 2));
  EXPECT_EQ(test.videos[1].line, 2);
  options.root = folder / "UCF";
  EXPECT_THAT(refused("ucfTrainTestlist/trainlist01.txt"),
              HasSubstr("UCF: there is no such folder of videos"));
}

TEST_F(ListFormatsTest, Ucf101WithoutNames) {
  write("trainlist01.txt", trainlist);
  write("testlist01.txt", testlist);
  VideoList train = read("trainlist01.txt");
  EXPECT_THAT(train.classes, ElementsAre("ApplyEyeMakeup", "ApplyLipstick", "Archery")) << "the list says it";
  EXPECT_THAT(
      refused("testlist01.txt"),
      HasSubstr("testlist01.txt:1: which number has class ApplyEyeMakeup? Put classInd.txt beside the "
                "list, or name it with --labels"));
  options.knownClasses = train.classes;
  EXPECT_THAT(labels(read("testlist01.txt")), ElementsAre(0, 2));
  write("trainlist01.txt", "A/v_A_g08_c01.avi 1\nC/v_C_g08_c01.avi 3\n");
  options = {};
  EXPECT_THAT(read("trainlist01.txt").classes, ElementsAre("A", "class 1", "C"));
  write("classInd.txt", classInd);
  write("trainlist01.txt",
        "Archery/v_Archery_g08_c01.avi 1\nBiking/v_Biking_g08_c01.avi\nv_x_g01_c01.avi 0\n");
  options.format = "ucf101";
  EXPECT_EQ(
      refused("trainlist01.txt"),
      folder / "trainlist01.txt:1: label 1, but class Archery has the number 3\n" +
          (folder / "trainlist01.txt:2: 'Biking' is the name of no class\n") +
          (folder / "trainlist01.txt:3: 'v_x_g01_c01.avi 0' is not CLASS/VIDEO and, in a list for training, "
                    "a label that counts from 1"));
}

// A wrong number costs no memory for the names of all classes before it.
TEST_F(ListFormatsTest, Ucf101WithALargeNumber) {
  options.format = "ucf101";
  write("trainlist01.txt", "A/v_A_g08_c01.avi 1\nC/v_C_g08_c01.avi 2147483648\n");
  EXPECT_THAT(read("trainlist01.txt").classes, ElementsAre());
  write("trainlist01.txt", "A/v_A_g08_c01.avi 4000000000\n");
  EXPECT_THAT(refused("trainlist01.txt"), HasSubstr("label 3999999999 is too large"));
}

// Each class has one number and each number one class, since names that are there twice would leave labels
// without a name.
TEST_F(ListFormatsTest, Ucf101WhoseClassesHaveSeveralNumbers) {
  options.format = "ucf101";
  write("trainlist01.txt", "A/a.avi 1\nA/b.avi 2\nB/c.avi 1\n");
  EXPECT_EQ(refused("trainlist01.txt"),
            folder / "trainlist01.txt:2: label 2, but class A has the number 1 before\n" +
                (folder / "trainlist01.txt:3: label 1 of class B, but it is that of class A before"));
  write("trainlist01.txt", "a.avi 1\nb.avi 2\n");
  EXPECT_THAT(read("trainlist01.txt").classes, ElementsAre());
  write("trainlist01.txt", "class 1/a.avi 1\nB/b.avi 3\n");
  EXPECT_THAT(read("trainlist01.txt").classes, ElementsAre());
  write("trainlist01.txt", "A/a.avi 1\nb.avi 2\n");
  EXPECT_THAT(read("trainlist01.txt").classes, ElementsAre("A", "class 1"));
  write("trainlist01.txt", "A/a.avi 1\nB/b.avi 1x\n"); // whose name has a blank
  EXPECT_THAT(refused("trainlist01.txt"), HasSubstr("which number has class B?"));
}

// Other tools make lists of UCF101's videos with labels from 0.
TEST_F(ListFormatsTest, Ucf101OrPathsAndLabels) {
  write("ucf101_train.txt", "A/v_A_g08_c01.avi 0\nB/v_B_g08_c01.avi 1\n");
  EXPECT_THAT(labels(read("ucf101_train.txt")), ElementsAre(0, 1));
  write("ucf101_train.txt", "A/v_A_g08_c01.avi 1\nB/v_B_g08_c01.avi 2\n");
  EXPECT_THAT(labels(read("ucf101_train.txt")), ElementsAre(0, 1));
  write("ucf101_train.txt", "B/v_B_g08_c01.avi 2\nC/v_C_g08_c01.avi 3\n");
  EXPECT_THAT(
      refused("ucf101_train.txt"),
      HasSubstr("ucf101_train.txt: is it a split of UCF101, whose labels count from 1, or a list of `path "
                "label`, whose labels count from 0? Say --format ucf101 or --format labels"));
  options.format = "labels";
  EXPECT_THAT(labels(read("ucf101_train.txt")), ElementsAre(2, 3));
  options.format = "ucf101";
  EXPECT_THAT(labels(read("ucf101_train.txt")), ElementsAre(1, 2));
}

TEST_F(ListFormatsTest, Hmdb51) {
  write("splits/brush_hair_test_split1.txt", "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
                                             "Blonde_being_brushed_brush_hair_f_nm_np2_ri_med_0.avi 2 \n"
                                             "Haarek_mmen_brush_hair_h_cm_np1_fr_goo_0.avi 0 \n");
  write("splits/cartwheel_test_split1.txt", "(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi 1 \n");
  write("splits/cartwheel_test_split2.txt", "(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi 2 \n");
  write("videos/brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "");
  write("videos/(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi", "");
  options.root = folder / "videos";
  VideoList train = read("splits");
  EXPECT_EQ(
      said(train),
      "splits: HMDB51 split 1, the videos for training: 2 videos, 2 classes in the order of their names");
  EXPECT_THAT(paths(train), ElementsAre("videos/brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi",
                                        "videos/(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi"));
  EXPECT_THAT(labels(train), ElementsAre(0, 1));
  options.part = ListPart::Test;
  EXPECT_THAT(labels(read("splits")), ElementsAre(0));
  EXPECT_THAT(read("splits").classes, ElementsAre("brush_hair", "cartwheel")) << "one of them has no test";
  options.split = 3;
  EXPECT_THAT(refused("splits"), HasSubstr("splits: holds no files CLASS_test_split3.txt"));
  options.split = 1;
  EXPECT_THAT(refused("splits/brush_hair_test_split1.txt"),
              HasSubstr("is one class of a split of HMDB51: name its folder, and the split with --split"));
  write("splits/cartwheel_test_split1.txt", "a.avi 3\n");
  EXPECT_THAT(refused("splits"),
              HasSubstr("splits: cartwheel_test_split1.txt:1: 'a.avi 3' is not VIDEO and 1 "
                        "(train), 2 (test) or 0 (neither)"));
  options.format = "ucf101";
  EXPECT_THAT(refused("splits"), HasSubstr("splits: a list of format ucf101 is a file"));
}

TEST_F(ListFormatsTest, KineticsTables) {
  write("train.csv", "label,youtube_id,time_start,time_end,split,is_cc\n"
                     "testifying,---QUuC4vJs,84,94,train,0\n"
                     "\"eating spaghetti\",--3ouPhoy2A,20,30,train,0\n"
                     "testifying,-0Ihrm0MIaw,1,11,train,0\n"
                     "testifying,2ocNeVDlpMU,7,17,train,0\n");
  write("videos/testifying/---QUuC4vJs_000084_000094.mp4", "");
  write("videos/eating_spaghetti/--3ouPhoy2A_000020_000030.mkv", "");
  write("videos/2ocNeVDlpMU.webm", "");
  options.root = folder / "videos";
  VideoList list = read("train.csv");
  EXPECT_EQ(said(list), "train.csv: Kinetics list: 4 videos, 2 classes in the order of their names");
  EXPECT_THAT(paths(list),
              ElementsAre("videos/testifying/---QUuC4vJs_000084_000094.mp4",
                          "videos/eating_spaghetti/--3ouPhoy2A_000020_000030.mkv",
                          "videos/testifying/-0Ihrm0MIaw_000001_000011.mp4", "videos/2ocNeVDlpMU.webm"));
  EXPECT_THAT(labels(list), ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(list.classes, ElementsAre("eating spaghetti", "testifying"));
  EXPECT_EQ(list.videos[2].line, 4);

  // With the names of all classes, a class that is not among them is a problem.
  write("classes.txt", "eating spaghetti\nspinning poi\n");
  EXPECT_EQ(refused("train.csv"), folder / "train.csv:2: 'testifying' is the name of no class\n" +
                                      (folder / "train.csv:4: 'testifying' is the name of no class\n") +
                                      (folder / "train.csv:5: 'testifying' is the name of no class"));
  options.classes = 1;
  EXPECT_THAT(refused("train.csv"), HasSubstr("train.csv: 2 names of classes for 1 classes"));
}

TEST_F(ListFormatsTest, KineticsSplits) {
  write("k.csv",
        "label,youtube_id,time_start,time_end,split\nb,a1234567890,0,10,train\na,b1234567890,0,10,validate\n"
        "c,c1234567890,0,10,test\nno times,d1234567890,,,train\n");
  EXPECT_THAT(refused("k.csv"),
              HasSubstr("k.csv:5: 'no times,d1234567890,,,train' has no identifier or no times"));
  write(
      "k.csv",
      "label,youtube_id,time_start,time_end,split\nb,a1234567890,0,10,train\na,b1234567890,0,10,validate\n");
  EXPECT_EQ(said(read("k.csv")),
            "k.csv: Kinetics list, split 'train': 1 video, 1 class in the order of their names");
  options.part = ListPart::Test;
  EXPECT_EQ(said(read("k.csv")),
            "k.csv: Kinetics list, split 'validate': 1 video, 1 class in the order of their names");
  write("k.csv", "label,youtube_id,time_start,time_end,split\nb,a1234567890,0,10,x\na,b1234567890,0,10,y\n");
  EXPECT_THAT(refused("k.csv"), HasSubstr("k.csv: it has several splits, but none for tests"));
  write("k.csv", "label,youtube_id,time_start\n");
  EXPECT_THAT(refused("k.csv"), HasSubstr("k.csv: its first line names no column time_end"));
  write("test.csv", "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n");
  VideoList test = read("test.csv");
  EXPECT_FALSE(test.hasLabels());
  EXPECT_EQ(said(test), "test.csv: Kinetics list: 1 video, without labels");
}

TEST_F(ListFormatsTest, KineticsJson) {
  write("train.json", R"({"-3B32lodo2M": {"annotations": {"label": "pushing car", "segment": [59.0, 69.0]},
    "duration": 10.0, "subset": "train", "url": "https://www.youtube.com/watch?v=-3B32lodo2M"},
    "-3KWFVuhbDQ": {"annotations": {"label": "abseiling", "segment": [152.0, 162.0]}, "subset": "train"}})");
  VideoList list = read("train.json");
  EXPECT_THAT(paths(list), ElementsAre("-3B32lodo2M_000059_000069.mp4", "-3KWFVuhbDQ_000152_000162.mp4"));
  EXPECT_THAT(labels(list), ElementsAre(1, 0));
  write("train.json", R"({"-3B32lodo2M": {"label": "pushing car"}})");
  EXPECT_THAT(refused("train.json"), HasSubstr("-3B32lodo2M has no annotations with a segment"));
  write("train.json", "{\"a\": ");
  EXPECT_THAT(refused("train.json"), HasSubstr("train.json: is no JSON, or not all of it"));
  write("train.json", "[]");
  options.format = "kinetics";
  EXPECT_THAT(refused("train.json"),
              HasSubstr("train.json: is no JSON object of videos, as Kinetics' lists are"));
}

TEST_F(ListFormatsTest, SomethingSomething) {
  const std::string train = R"([
{"id":"78687","label":"holding potato next to vicks vaporub bottle","template":"Holding [something] next to [something]","placeholders":["potato","vicks vaporub bottle"]},
{"id":"42326","label":"spreading margarine onto bread","template":"Spreading [something] onto [something]","placeholders":["margarine","bread"]}])";
  write("train.json", train);
  write(
      "labels.json",
      R"({"Spreading something onto something":"1","Holding something next to something":"2","Approaching something with your camera":"0"})");
  write("20bn/78687.webm", "");
  options.root = folder / "20bn";
  VideoList list = read("train.json");
  EXPECT_EQ(said(list), "train.json: Something-Something list: 2 videos, 3 classes");
  EXPECT_THAT(paths(list), ElementsAre("20bn/78687.webm", "20bn/42326.webm"));
  EXPECT_THAT(labels(list), ElementsAre(2, 1));
  write("train.json", R"([{"id":"1","template":"Tearing [something]"},{"template":"Holding [something]"}])");
  EXPECT_EQ(refused("train.json"),
            folder / "train.json: entry 1: 'Tearing something' is the name of no class\n" +
                (folder / "train.json: entry 2: it has no id"));
  write("train.json", R"([{"id":"1\u0000","template":"Holding [something]"}])");
  EXPECT_EQ(refused("train.json"),
            folder / "train.json: entry 1: 'Holding something' is the name of no class");
  write("train.json", R"([{"id":"1\u0000","template":"Approaching [something] with your camera"}])");
  EXPECT_EQ(refused("train.json"), folder / "train.json: entry 1: the name of a video has a zero byte");
  write("test.json", R"([{"id":"1420"},{"id":"42650"}])");
  EXPECT_FALSE(read("test.json").hasLabels());
  write("answers.csv",
        "1420;Spreading something onto something\n42650;Holding something next to something\n");
  EXPECT_THAT(labels(read("answers.csv")), ElementsAre(1, 2));
  write("answers.csv", "1420;Spreading something onto something\n42650;\n7;a;b\n");
  EXPECT_THAT(refused("answers.csv"), HasSubstr("answers.csv:3: '7;a;b' is not ID;CLASS"));
  write("train.json", "{}");
  options.format = "something";
  EXPECT_THAT(refused("train.json"),
              HasSubstr("train.json: is no JSON list of videos, as those of Something-Something are"));
}

TEST_F(ListFormatsTest, Sports1m) {
  write("train_partition.txt", "http://www.youtube.com/watch?v=MVmbpiC4ibA 391,401\n"
                               "http://www.youtube.com/watch?v=b4nHOS83bq8 0\n");
  std::string names;
  for (int label = 0; label < 487; ++label)
    names += fmt::format("sport {}\n", label);
  write("labels.txt", names);
  write("MVmbpiC4ibA.mkv", "");
  VideoList list = read("train_partition.txt");
  EXPECT_EQ(
      said(list),
      "train_partition.txt: Sports-1M list, of several labels the first (videos: 1): 2 videos, 487 classes");
  EXPECT_THAT(labels(list), ElementsAre(391, 0));
  EXPECT_THAT(paths(list), ElementsAre("MVmbpiC4ibA.mkv", "b4nHOS83bq8.mp4"));
  options.severalLabels = true;
  list = read("train_partition.txt");
  EXPECT_EQ(said(list),
            "train_partition.txt: Sports-1M list, of several labels all (videos: 1): 2 videos, 487 classes");
  EXPECT_THAT(list.videos[0].labels(), ElementsAre(391, 401));
  EXPECT_THAT(list.videos[1].labels(), ElementsAre(0));
  write("train_partition.txt", "https://www.youtube.com/watch?v=MVmbpiC4ibA\nhttp://vimeo.com/1 2\n");
  EXPECT_EQ(refused("train_partition.txt"),
            folder / "train_partition.txt:1: 'https://www.youtube.com/watch?v=MVmbpiC4ibA' is not "
                     "https://www.youtube.com/watch?v=ID and labels\n" +
                (folder / "train_partition.txt:2: 'http://vimeo.com/1 2' is not "
                          "https://www.youtube.com/watch?v=ID and labels"));
}

TEST_F(ListFormatsTest, ClassFolders) {
  for (const char *name : {"data/turn left/b.mp4", "data/turn left/a.AVI", "data/turn left/notes.txt",
                           "data/up/c.webm", "data/.cache/x.mp4", "data/readme.txt"})
    write(name, "");
  std::filesystem::create_directory(folder / "data/down");
  std::filesystem::create_symlink("loop", folder / "data/loop"); // leads nowhere
  VideoList list = read("data");
  EXPECT_EQ(said(list), "data: class folders: 3 videos, 3 classes in the order of their names");
  EXPECT_THAT(paths(list), ElementsAre("data/turn left/a.AVI", "data/turn left/b.mp4", "data/up/c.webm"));
  EXPECT_THAT(labels(list), ElementsAre(1, 1, 2));
  EXPECT_EQ(list.videos[0].name, "turn left/a.AVI");
  options.knownClasses = {"up", "turn left"};
  EXPECT_THAT(labels(read("data")), ElementsAre(1, 1, 0)) << "an empty folder of another class does no harm";
  options.root = folder.path.string();
  EXPECT_THAT(refused("data"), HasSubstr("data: class folders hold their videos: --root is for lists"));
  options = {};
  std::filesystem::remove_all(folder / "data");
  std::filesystem::create_directories(folder / "data/empty");
  EXPECT_THAT(refused("data"), HasSubstr("data: the list holds no video"));
}

TEST_F(ListFormatsTest, FormatsHaveNames) {
  EXPECT_THAT(listFormats(),
              ElementsAre("labels", "ucf101", "hmdb51", "kinetics", "something", "sports1m", "folders"));
  write("list.txt", "a.mp4 0\n");
  options.format = "ucf11";
  EXPECT_THAT(refused("list.txt"), HasSubstr("there is no format of lists 'ucf11'; did you mean 'ucf101'?"));
}

} // namespace
